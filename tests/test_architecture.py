"""Holds the code to the picture in docs/architecture.md."""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What each package may import of ours.
MAY_IMPORT = {
    "storage": set(),
    "shop": {"storage"},
    "personalization": {"storage", "shop"},
    "video_assembly": {"storage", "shop", "personalization"},
    "workers": {"storage", "shop", "personalization", "video_assembly"},
    "livestream": set(),
    "web": {"storage", "shop", "personalization", "video_assembly", "livestream", "assets", "workers"},
}
# Third-party packages that live in one place only.
ONLY_IN = {
    "celery": ("workers/",),
    "starlette": ("web/",),
    "uvicorn": ("web/",),
    "redis": ("storage/messages.py",),
    "aiortc": ("livestream/",),
    "aioice": ("livestream/",),
    "cv2": ("video_assembly/",),
}
MOST_LINES = 400


def modules(*packages: str) -> Iterator[Path]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


@functools.cache
def imports(path: Path) -> list[tuple[str, str]]:
    """Return (module, name) of every import of a file, those inside functions too."""
    found: list[tuple[str, str]] = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found.extend((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.extend((node.module or "", alias.name) for alias in node.names)
    return found


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_one_way(package: str) -> None:
    wrong = [
        f"{name(path)} imports {module}"
        for path in modules(package)
        for module, _ in imports(path)
        if (top := module.split(".")[0]) in MAY_IMPORT and top != package and top not in MAY_IMPORT[package]
    ]
    assert wrong == []


def test_only_the_command_line_imports_workers() -> None:
    wrong = [
        name(path)
        for path in modules("web")
        for module, _ in imports(path)
        if module.split(".")[0] == "workers" and path.name != "cli.py"
    ]
    assert wrong == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_stay_in_their_place(library: str) -> None:
    wrong = [
        f"{name(path)} imports {module}"
        for path in modules(*MAY_IMPORT)
        for module, _ in imports(path)
        if module.split(".")[0] == library and not name(path).startswith(ONLY_IN[library])
    ]
    assert wrong == []


def calls(path: Path, attribute: str) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr == attribute)
        or (isinstance(node, ast.Name) and node.id == attribute)
        for node in nodes(path)
    )


@pytest.mark.parametrize(
    ("what", "where"),
    [("environ", "storage/settings.py"), ("getenv", "storage/settings.py"), ("create_engine", "storage/database.py")],
)
def test_one_place_for(what: str, where: str) -> None:
    assert [name(path) for path in modules(*MAY_IMPORT) if calls(path, what) and name(path) != where] == []


def private_names_of_aiortc(path: Path) -> set[str]:
    """Return the files' uses of names with one leading underscore on objects other than self and cls."""
    return {
        node.attr
        for node in nodes(path)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    }


def test_private_names_of_aiortc_stay_in_one_file() -> None:
    users = {name(path) for path in modules("livestream") if private_names_of_aiortc(path)}
    assert users <= {"livestream/packets.py"}


def test_the_application_loads_no_heavy_library() -> None:
    check = "import sys, web.app; sys.exit(' '.join({'cv2', 'moviepy', 'celery'} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_no_module_is_too_long() -> None:
    code = [
        *modules(*MAY_IMPORT, "assets", "benchmarks", "tests"),
        *(ROOT / "storage" / "migrations").rglob("*.py"),
        *(ROOT / "web" / "static" / "js").rglob("*.js"),
    ]
    assert [name(path) for path in code if len(path.read_text().splitlines()) > MOST_LINES] == []


def test_every_table_about_a_person_is_exported_and_erased() -> None:
    """A table whose rows belong to a person is named in its package's `export` and `erase`."""
    import web.app  # noqa: F401
    from storage.database import metadata

    forgotten = []
    for table in metadata.tables.values():
        columns = {column.name for column in table.columns}
        if not columns & {"viewer_id", "person_id", "host_id"}:
            continue
        owners = [path for path in modules(*MAY_IMPORT) if f'\n    "{table.name}",\n    metadata' in path.read_text()]
        assert len(owners) == 1, f"{table.name} is declared in {owners}"
        text = owners[0].read_text()
        forgotten += [f"{table.name}: {word}" for word in ("def export(", "def erase(") if word not in text]
    assert forgotten == []
