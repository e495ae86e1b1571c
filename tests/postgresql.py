"""A PostgreSQL server of the tests' own: a cluster in a temporary folder, reached through a socket in it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`; Debian keeps them off the path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: float(path.parent.name))


@contextmanager
def running():
    """The address of a database on a running server, without a password. The server is stopped at the end."""
    bin_folder = programs()
    assert bin_folder is not None, "PostgreSQL's server is not installed (on Debian: apt install postgresql)"
    # Its path is short because that of a Unix socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        # PostgreSQL refuses to run as root.
        user = None if os.getuid() else next(u.pw_name for u in pwd.getpwall() if u.pw_name in ("postgres", "nobody"))
        if user is not None:
            shutil.chown(folder, user)

        def run(program: str, *options: str) -> None:
            subprocess.run(
                [bin_folder / program, *options], user=user, cwd=folder, check=True, capture_output=True, timeout=60
            )

        data = f"{folder}/data"
        run("initdb", "--pgdata", data, "--auth", "trust", "--username", "voicechat", "--no-sync", "-E", "UTF8")
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "start", "--pgdata", data, "--wait", "--log", f"{folder}/log", "--options", settings)
        try:
            yield f"postgresql://voicechat@/postgres?host={quote(folder)}"
        finally:
            run("pg_ctl", "stop", "--pgdata", data, "--mode", "immediate")
