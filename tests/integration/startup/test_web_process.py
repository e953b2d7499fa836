"""The web process as it runs: small, and without what only workers need."""

import json
import os
import subprocess
import sys

from engine.embedded.places import CHECKOUT

LARGEST_MB = 200

ASK_HEALTHZ = """
import io, json, psutil, sys
from engine.wsgi import application
status = []
environ = {
    "REQUEST_METHOD": "GET", "PATH_INFO": "/healthz", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
    "HTTP_HOST": "localhost", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
}
body = b"".join(application(environ, lambda line, headers: status.append((line, dict(headers)))))
print(json.dumps({
    "status": status[0][0],
    "headers": status[0][1],
    "body": body.decode(),
    "resident_mb": psutil.Process().memory_info().rss / 2**20,
    "modules": sorted({name.split(".")[0] for name in sys.modules}),
}))
"""


def test_serves_within_200_mb_and_without_torch_or_open3d() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", ASK_HEALTHZ],
        cwd=CHECKOUT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "engine.settings"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer = json.loads(finished.stdout)
    assert (answer["status"], answer["body"]) == ("200 OK", "ok\n")
    assert "default-src 'self'" in answer["headers"]["Content-Security-Policy"]
    assert answer["resident_mb"] < LARGEST_MB
    assert not {"torch", "open3d", "model_workers", "training_loop"} & set(answer["modules"])
