# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alert rules and dashboard, asked of a real Prometheus that scrapes real engines on loopback."""

from __future__ import annotations

import http.server
import json
import os
import re
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import needs
import pytest
import yaml
from fixtures.reports import examples
from integration.engine.process import EngineProcess, running, wait_for

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.document import Kind
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.formats import FORMATS

MONITORING = Path(__file__).parents[3] / "extensions" / "monitoring"
RULES = MONITORING / "ntp_multicast_alerts.yml"
DASHBOARD = MONITORING / "ntp_multicast_dashboard.json"
PORT = 20123 + os.getpid() % 10000
GROUP = "239.255.77.2"

pytestmark = needs.commands("prometheus", "promtool")


def queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_each_alert_fires_for_its_cause_alone() -> None:
    done = subprocess.run(
        ["promtool", "test", "rules", f"{RULES.stem}_test.yml"],
        cwd=MONITORING,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tested = set(re.findall(r"alertname: (\w+)", (MONITORING / f"{RULES.stem}_test.yml").read_text()))
    assert tested == {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}


class Exporter(http.server.BaseHTTPRequestHandler):
    """Gives the metrics files as a node exporter does: host names are paths here."""

    folder: Path

    def do_GET(self) -> None:
        files = sorted(self.folder.glob(f"{self.path.strip('/').partition('/')[0]}*.prom"))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"".join(file.read_bytes() for file in files))

    def log_message(self, *_arguments: Any) -> None:
        """Nothing is told."""


@pytest.fixture(name="exporter")
def exporter_fixture(tmp_path: Path) -> Iterator[str]:
    Exporter.folder = tmp_path
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exporter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(name="engines")
def engines_fixture(tmp_path: Path) -> Iterator[list[EngineProcess]]:
    """A server, its client, and a client whose group nobody serves."""
    server = {
        "server": {"enabled": True, "listen": ["lo"], "stratum": 2, "port": PORT + 20000},
        "servers": [{"interface": "lo", "group": GROUP, "key_id": 42, "poll": 3, "port": PORT}],
    }
    client = {"interface": "lo", "volley_port": PORT + 20000, "port": PORT}
    documents = {
        "server": server,
        "client": {"clients": [{**client, "group": GROUP}]},
        "lost": {"clients": [{**client, "group": "239.255.77.3"}]},
    }
    engines = [
        EngineProcess(tmp_path / name, {**document, "metrics_file": str(tmp_path / f"{name}.prom")})
        for name, document in documents.items()
    ]
    with running(*engines):
        engines[1].synchronised()
        yield engines


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Prometheus:
    """A real one, with the rules; their waiting times are taken out, for the test has no ten minutes."""

    def __init__(self, folder: Path, exporter: str) -> None:
        rules = re.sub(r"^( *for:) \d+m$", r"\1 0s", RULES.read_text(), flags=re.MULTILINE)
        (folder / "rules.yml").write_text(rules)
        scraped = [
            {
                "job_name": name,
                "metrics_path": f"/{name}",
                "static_configs": [{"targets": [exporter]}],
                "relabel_configs": [{"target_label": "instance", "replacement": name}],
            }
            for name in ("server", "client", "lost", "drift")
        ]
        configuration = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": scraped,
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=(folder / "prometheus.log").open("w"),
        )

    def query(self, expression: str) -> list[dict[str, Any]]:
        asked = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
                return found
        except urllib.error.HTTPError as error:
            if error.code == 503:
                return []  # up, and still loading its data
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        except OSError:
            return []  # not up yet

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(name="prometheus")
def prometheus_fixture(tmp_path: Path, exporter: str, engines: list[EngineProcess]) -> Iterator[Prometheus]:
    (tmp_path / "drift.prom").write_text(FORMATS["prom"](examples.drift()))
    started = Prometheus(tmp_path, exporter)
    yield started
    started.stop()


def test_a_real_engine_answers_every_query_and_raises_the_alarm(
    prometheus: Prometheus, engines: list[EngineProcess]
) -> None:
    assert Kind.DRIFT is examples.drift().kind
    for query in queries():
        asked = query.replace("$instance", ".*").replace("$__rate_interval", "30s")
        # Nothing is refused on a calm network, so that this one alone may have no answer.
        if "packets_dropped_total" in query:
            prometheus.query(asked)
        else:
            wait_for(lambda asked=asked: prometheus.query(asked), f"an answer to {asked}")

    def firing(alert: str) -> set[str]:
        found = prometheus.query(f'ALERTS{{alertname="{alert}",alertstate="firing"}}')
        return {entry["metric"].get("instance", "") for entry in found}

    wait_for(lambda: firing("NtpMulticastUnsynchronised") == {"lost"}, "the alert of the client without a server")
    wait_for(lambda: firing("NtpMulticastDrift") == {"drift"}, "the alert of the drift")
    assert not firing("NtpMulticastClockNotSteered")

    engines[0].stop()  # its packets end, and the client is told to be wrong by the age of the last one
    stale = "ntp_multicast_engine_association_last_received_seconds"
    (before,) = prometheus.query(stale)
    wait_for(lambda: float(prometheus.query(stale)[0]["value"][1]) > float(before["value"][1]) + 10, "a growing age")
