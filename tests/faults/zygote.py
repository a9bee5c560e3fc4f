"""A process that has imported ganzfeld and does each command in a fork: a start costs nothing.

It computes nothing itself, so that no thread of PyTorch is there when it forks. Read by
`command.Zygote`: a line of JSON comes in (words, the file for what is printed), the number of the
new process goes out; an empty line waits for it, and its exit code goes out.
"""

import json
import os
import sys


def main() -> None:
    import ganzfeld.training.run  # noqa: F401  all that training needs
    from ganzfeld.cli import main as cli

    print("ready", flush=True)
    for line in sys.stdin:
        words, printed = json.loads(line)
        child = os.fork()
        if child == 0:
            os.setsid()
            out = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            try:
                cli.main(words)
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            sys.stdout.flush()
            os._exit(code)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


main()
