"""How the page is served: its address, its end, its port, and the names it answers to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from page_browser import House, browser, home
from page_core import desk_over

from rag.errors import UsageError
from ui.serve import Served, Serving

__all__ = ["browser", "home"]
# Where no loop runs, as one does beside a browser, gradio makes some at its start and closes none.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("browser")]


def test_serve_prints_its_address_until_it_is_interrupted(tmp_path: Path) -> None:
    code = (
        # A process that a script starts in the background inherits an ignored interrupt.
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        f"sys.path[:0] = {[str(Path(__file__).parent)]!r};"
        "from pathlib import Path; from page_core import desk_over; from ui.serve import Serving, serve;"
        f"serve(desk_over(Path({str(tmp_path)!r}))[0], Serving(), None, open_browser=False)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as serving:
        assert serving.stdout is not None
        assert re.match(r"footnoted is at http://127\.0\.0\.1:\d+/", serving.stdout.readline())
        serving.send_signal(signal.SIGINT)
        try:
            assert serving.wait(30) == 0
        finally:
            serving.kill()


def test_another_host_name_is_refused_and_outside_loads_are_forbidden(home: House) -> None:
    assert httpx.get(home.address, headers={"host": "evil.example"}).status_code == 400
    assert httpx.get(home.address, headers={"host": f"localhost:{home.port}"}).status_code == 200
    policy = httpx.get(home.address).headers["content-security-policy"]
    assert "default-src 'self'" in policy


def test_a_taken_port_is_named(home: House, tmp_path: Path) -> None:
    port = urlsplit(home.address).port
    desk, _ = desk_over(tmp_path)
    with pytest.raises(UsageError, match=f"port {port} cannot be used"):
        Served(desk, Serving(port=port))
    desk.close()
