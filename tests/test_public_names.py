"""The package's surface: what it says it has, it has, and importing it costs no torch."""

import subprocess
import sys

import ganzfeld


def test_all_is_sorted_and_importable() -> None:
    assert ganzfeld.__all__ == sorted(ganzfeld.__all__)
    for name in ganzfeld.__all__:
        assert getattr(ganzfeld, name).__doc__, f"{name} has no docstring"


def test_unknown_name_is_an_attribute_error() -> None:
    try:
        ganzfeld.nothing_like_this  # noqa: B018
    except AttributeError as error:
        assert "nothing_like_this" in str(error)
    else:
        raise AssertionError("no error")


def test_import_and_help_load_no_torch() -> None:
    code = (
        "import sys, ganzfeld, ganzfeld.cli, ganzfeld.recipes, ganzfeld.config\n"
        "try: ganzfeld.cli.main(['--help'])\n"
        "except SystemExit as e: assert e.code in (0, None), e.code\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for word in ("train", "resume", "sample", "data", "checkpoint", "recipes"):
        assert word in done.stdout


def test_no_pickle_and_no_eval_in_the_package() -> None:
    import ast
    from pathlib import Path

    banned = {"eval", "exec", "compile", "__import__"}
    for path in Path(ganzfeld.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
                assert not {"pickle", "marshal", "shelve"} & {n.split(".")[0] for n in names}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in banned, f"{path}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("torch", "load"), f"{path}:{node.lineno}"
