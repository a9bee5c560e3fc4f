"""The package's surface: what it says it has, it has, and importing it costs no torch."""

import subprocess
import sys
from pathlib import Path

import pytest

import ganzfeld


def test_all_is_sorted_and_importable() -> None:
    by_kind = sorted(ganzfeld.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n))
    assert by_kind == ganzfeld.__all__
    for name in ganzfeld.__all__:
        assert getattr(ganzfeld, name).__doc__, f"{name} has no docstring"


@pytest.mark.long
def test_exported_names_are_those_of_all() -> None:
    code = (
        "import sys, types, ganzfeld\n"
        "own = {n for n in vars(ganzfeld) if not n.startswith('_')}\n"
        "own -= {'annotations', 'import_module', 'Any', 'TYPE_CHECKING', 'version'}\n"
        "print(sorted(own))\n"
        "for name in ganzfeld.__all__: getattr(ganzfeld, name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"  # nothing is there that __all__ does not name
    assert {*ganzfeld._HOMES, *ganzfeld._MODULES} == {*ganzfeld.__all__}
    assert {*dir(ganzfeld)} == {*ganzfeld.__all__, "__version__"}
    for name in ganzfeld._MODULES:
        assert getattr(ganzfeld, name).__name__ in (f"ganzfeld.{name}", f"ganzfeld.games.{name}")


def test_what_type_checkers_see_is_what_is_exported() -> None:
    import ast
    from pathlib import Path

    tree = ast.parse(Path(ganzfeld.__file__).read_text(encoding="utf-8"))
    seen = {
        name.asname or name.name
        for block in tree.body
        if isinstance(block, ast.If)
        for line in ast.walk(block)
        if isinstance(line, ast.ImportFrom)
        for name in line.names
    }
    assert seen == {*ganzfeld.__all__}


def test_logged_rows_are_flat(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(
        '{"kind": "train", "images": 64, "step": 1, "images_per_second": 2.0, "losses": '
        '{"generator/adversarial": 0.5}, "rollbacks": 0}\n{"kind": "tra',
        encoding="utf-8",
    )
    (row,) = ganzfeld.Run(tmp_path).metrics()
    assert row["losses.generator/adversarial"] == 0.5
    assert not any(isinstance(value, dict) for value in row.values())


def test_unknown_name_is_an_attribute_error() -> None:
    try:
        ganzfeld.nothing_like_this  # noqa: B018
    except AttributeError as error:
        assert "nothing_like_this" in str(error)
    else:
        raise AssertionError("no error")


def test_import_and_help_load_no_torch() -> None:
    code = (
        "import sys, ganzfeld, ganzfeld.cli.main, ganzfeld.recipes.gan, ganzfeld.config\n"
        "try: ganzfeld.cli.main.main(['--help'])\n"
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
