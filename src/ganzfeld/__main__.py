import os
import sys

from ganzfeld.cli.main import main

code = 0
try:
    main()
except SystemExit as end:
    code = end.code if isinstance(end.code, int) else int(end.code is not None)
if "TORCHELASTIC_RUN_ID" in os.environ:
    # all is saved and said; PyTorch's threads now and then abort a tidy exit of several processes
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
sys.exit(code)
