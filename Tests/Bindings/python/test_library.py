"""How the library is found."""

import os
import subprocess
import sys

import pytest


def import_with(library):
    environment = {**os.environ, "LIBIPC": library}
    return subprocess.run([sys.executable, "-c", "import libipc"], env=environment, stderr=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize("library", ["/nowhere/libipc.so.1", "libc.so.6"])
def test_missing_or_old_library_is_an_import_error(library):
    result = import_with(library)
    assert result.returncode != 0
    assert "ImportError: libipc of version 1.2 or later is needed" in result.stderr


def test_name_for_the_loader():
    assert import_with("libipc.so.1").returncode == 0
