# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places on the page for the graph of a multicast domain: senders left, groups in the middle, listeners right.

A ribbon is as wide as the number of hosts that it stands for, so that boxes grow with what goes in and out of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..document import State
from .graph import GROUP, Flow, Graph, Node, severity
from .texts import ranges, several, shortened

_COLUMNS = {"sender": (0, 290), "group": (480, 170), "listener": (850, 390)}
"""Left edge and width of each kind of box."""
_HEADER, _LINE, _PADDING, _GAP = 25, 17, 7, 10
_LEAST_RIBBON, _WIDEST_HOST, _ALL_RIBBONS = 2.0, 9.0, 260.0
_TITLE_LETTERS = {"sender": 32, "group": 20, "listener": 30}


@dataclass(frozen=True)
class Line:
    """A line of text in a box; y counts from the page's top, as all here."""

    y: float
    text: str


@dataclass(frozen=True)
class Box:
    """A node with its place. label: what is written in it and what the drawing alone says, for those who hear it."""

    key: str
    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str
    label: str
    lines: tuple[Line, ...]
    aside: str
    hosts: tuple[str, ...]
    state: State | None
    stacked: bool


@dataclass(frozen=True)
class Ribbon:
    """A flow with its place, or the half of it that there is."""

    path: str
    state: State | None
    seen: bool
    ends: tuple[str, ...]
    label: str


@dataclass(frozen=True)
class Row:
    """A line of the table that says the same as the drawing."""

    senders: str
    group: str
    keys: str
    listeners: str
    hosts: int
    state: State | None


@dataclass(frozen=True)
class DomainMap:
    """The drawing and what it says."""

    height: float
    boxes: tuple[Box, ...]
    ribbons: tuple[Ribbon, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class _Placed:
    """A node with its top; ports: for each flow the upper edge of its ribbon, on the left and on the right."""

    box: Box
    left: dict[int, float]
    right: dict[int, float]


StateText = Callable[[State], str]


def domain_map(graph: Graph, state_text: StateText) -> DomainMap | None:
    """The drawing of a graph; None where nobody sends and nobody listens."""
    if not graph.groups:
        return None
    widths = _widths(graph.flows)
    order = sorted(range(len(graph.flows)), key=lambda number: _rank(graph.flows[number]))
    columns = [
        _column(graph.senders, "sender", graph, widths, order, state_text),
        _column(graph.groups, "group", graph, widths, order, state_text),
        _column(graph.listeners, "listener", graph, widths, order, state_text),
    ]
    height = max(_bottom(column) for column in columns)
    senders, groups, listeners = (
        [_moved(node, (height - _bottom(column)) / 2) for node in column] for column in columns
    )
    ribbons = [
        ribbon
        for number in order
        for ribbon in _ribbons(number, graph.flows[number], widths[number], senders, groups, listeners)
    ]
    boxes = tuple(node.box for node in itertools.chain(senders, groups, listeners))
    return DomainMap(height, boxes, tuple(ribbons), tuple(_rows(graph)))


def _rank(flow: Flow) -> tuple[int, int, int]:
    """Ribbons leave a box in the order in which they arrive, so that few cross."""
    unheard = 10**6
    return (unheard if flow.listener is None else flow.listener, flow.group, -1 if flow.sender is None else flow.sender)


def _widths(flows: Sequence[Flow]) -> list[float]:
    total = sum(flow.hosts for flow in flows if flow.listener is not None) or 1
    each = min(_WIDEST_HOST, _ALL_RIBBONS / total)
    return [_LEAST_RIBBON if flow.listener is None else max(_LEAST_RIBBON, flow.hosts * each) for flow in flows]


def _bottom(column: Sequence[_Placed]) -> float:
    return column[-1].box.y + column[-1].box.height if column else 0.0


def _moved(node: _Placed, down: float) -> _Placed:
    box = node.box
    lines = tuple(Line(line.y + down, line.text) for line in box.lines)
    moved = replace(box, y=box.y + down, lines=lines)
    return _Placed(moved, {n: y + down for n, y in node.left.items()}, {n: y + down for n, y in node.right.items()})


def _column(
    nodes: Sequence[Node], kind: str, graph: Graph, widths: Sequence[float], order: Sequence[int], state_text: StateText
) -> list[_Placed]:
    """The boxes of one kind below each other, with the ports where ribbons arrive and leave."""
    placed: list[_Placed] = []
    top = 0.0
    for number, node in enumerate(nodes):
        flows = [place for place in order if getattr(graph.flows[place], kind) == number]
        box, left, right = _PLACERS[kind](node, f"{kind}-{number}", top, flows, graph, widths, state_text)
        placed.append(_Placed(box, left, right))
        top += box.height + _GAP
    return placed


def _title(node: Node) -> str:
    """The hosts of a node, or the first and the last of them, as fits."""
    if node.kind == GROUP:
        return node.group
    told, most = ", ".join(ranges(node.hosts)), _TITLE_LETTERS[node.kind]
    if len(told) <= most or len(node.hosts) == 1:
        return told
    ends = f"{node.hosts[0]} … {node.hosts[-1]}"
    return ends if len(ends) <= most else told


def _box(
    key: str, node: Node, top: float, height: float, lines: Sequence[Line], aside: str = "", about: str = ""
) -> Box:
    x, width = _COLUMNS[node.kind]
    title = shortened(_title(node), _TITLE_LETTERS[node.kind])
    return Box(
        key=key,
        kind=node.kind,
        x=x,
        y=top,
        width=width,
        height=height,
        title=title,
        label=", ".join(filter(None, [title, aside, *(line.text for line in lines), about])),
        lines=tuple(lines),
        aside=aside,
        hosts=node.hosts,
        state=node.state,
        stacked=node.kind != GROUP and len(node.hosts) > 1,
    )


Ports = tuple[Box, dict[int, float], dict[int, float]]


def _sender(
    node: Node, key: str, top: float, flows: Sequence[int], graph: Graph, widths: Sequence[float], state_text: StateText
) -> Ports:
    """A port and a line of text for each group that it sends to."""
    lines, ports = [], {}
    y = top + _HEADER
    if node.follows:
        told = f"follows {', '.join(node.follows[:2])}{' …' if len(node.follows) > 2 else ''}"
        lines.append(Line(y + _LINE / 2, shortened(told, 42)))
        y += _LINE
    for sending in node.sends:
        of_group = [place for place in flows if graph.groups[graph.flows[place].group].group == sending.group]
        tall = max(_LINE, sum(widths[place] for place in of_group))
        lines.append(Line(y + tall / 2, f"→ {sending.group}  {sending.text}"))
        edge = y + (tall - sum(widths[place] for place in of_group)) / 2
        for place in of_group:
            ports[place] = edge
            edge += widths[place]
        y += tall + 1
    box = _box(key, node, top, y + _PADDING - top, lines, _aside(node, state_text), "sender")
    if not any(name in graph.hosts for name in node.hosts):
        box = replace(box, hosts=tuple(name for place in flows for name in _listeners_of(graph.flows[place], graph)))
    return box, {}, ports


def _listeners_of(flow: Flow, graph: Graph) -> tuple[str, ...]:
    return () if flow.listener is None else graph.listeners[flow.listener].hosts


def _aside(node: Node, state_text: StateText) -> str:
    """How many hosts a node has, and how they are."""
    number = [several(len(node.hosts), "host")] if len(node.hosts) > 1 else []
    return " · ".join([*number, *([state_text(node.state)] if node.state is not None else [])])


def _group(
    node: Node, key: str, top: float, flows: Sequence[int], graph: Graph, widths: Sequence[float], state_text: StateText
) -> Ports:
    incoming = [place for place in flows if graph.flows[place].sender is not None]
    incoming.sort(key=lambda place: (graph.flows[place].sender or 0, flows.index(place)))
    outgoing = [place for place in flows if graph.flows[place].listener is not None]
    sums = [sum(widths[place] for place in side) for side in (incoming, outgoing)]
    keys = sorted({sending.key_id for sending in node.sends if sending.key_id is not None})
    texts = [("keys " if len(keys) > 1 else "key ") + ", ".join(map(str, keys)) if keys else "no key"]
    senders = sum(len(sender.hosts) for sender in graph.senders if any(s.group == node.group for s in sender.sends))
    texts.append(f"{several(senders, 'sender')}")
    texts.append(several(len(node.hosts), "listener"))
    height = max(_HEADER + _LINE * len(texts) + _PADDING, *(total + 2 * _PADDING for total in sums))
    middle = top + height / 2 - _LINE * len(texts) / 2 + 12
    lines = [Line(middle + _LINE * number + _LINE / 2, text) for number, text in enumerate(texts)]
    ports = [_stacked(side, widths, top + (height - total) / 2) for side, total in zip((incoming, outgoing), sums)]
    return _box(key, node, top, height, lines, about="group"), ports[0], ports[1]


def _stacked(flows: Sequence[int], widths: Sequence[float], top: float) -> dict[int, float]:
    found = {}
    for place in flows:
        found[place] = top
        top += widths[place]
    return found


def _listener(
    node: Node, key: str, top: float, flows: Sequence[int], graph: Graph, widths: Sequence[float], state_text: StateText
) -> Ports:
    follows = _followed(graph.flows[flows[0]], graph)
    height = max(_HEADER + 5, widths[flows[0]] + 2 * _PADDING)
    lines = [Line(top + _HEADER + _LINE / 2, shortened(follows, 42))] if height >= _HEADER + _LINE + _PADDING else []
    about = ", ".join(filter(None, ["" if lines else follows, f"listener of {node.group}"]))
    port = top + (height - widths[flows[0]]) / 2
    return _box(key, node, top, height, lines, _aside(node, state_text), about), {flows[0]: port}, {}


def _followed(flow: Flow, graph: Graph) -> str:
    if flow.sender is not None:
        return f"follow {', '.join(ranges(graph.senders[flow.sender].hosts))}"
    return "follow nobody in the group" if flow.seen else ""


_PLACERS: dict[str, Callable[..., Ports]] = {"sender": _sender, "group": _group, "listener": _listener}


def _ribbons(
    number: int,
    flow: Flow,
    width: float,
    senders: Sequence[_Placed],
    groups: Sequence[_Placed],
    listeners: Sequence[_Placed],
) -> list[Ribbon]:
    group = groups[flow.group]
    sender = None if flow.sender is None else senders[flow.sender]
    listener = None if flow.listener is None else listeners[flow.listener]
    ends = tuple(node.box.key for node in (sender, group, listener) if node is not None)
    label = " → ".join(node.box.title for node in (sender, group, listener) if node is not None)
    label += f": {several(flow.hosts, 'host')}" if listener is not None else ": followed by nobody who was seen"
    pieces = []
    if sender is not None:
        pieces.append(_piece(_right(sender), sender.right[number], group.box.x, group.left[number], width))
    if listener is not None:
        pieces.append(_piece(_right(group), group.right[number], listener.box.x, listener.left[number], width))
    return [Ribbon(path, flow.state, flow.sender is not None, ends, label) for path in pieces]


def _right(node: _Placed) -> float:
    return node.box.x + node.box.width


def _piece(x0: float, y0: float, x1: float, y1: float, width: float) -> str:
    """A band between two ports, level where it leaves and where it arrives."""
    middle = (x0 + x1) / 2
    return (
        f"M{x0:g} {y0:.1f}C{middle:g} {y0:.1f} {middle:g} {y1:.1f} {x1:g} {y1:.1f}"
        f"V{y1 + width:.1f}C{middle:g} {y1 + width:.1f} {middle:g} {y0 + width:.1f} {x0:g} {y0 + width:.1f}Z"
    )


def _rows(graph: Graph) -> Iterable[Row]:
    for flow in sorted(graph.flows, key=lambda flow: (flow.group, severity(flow.state))):
        group = graph.groups[flow.group]
        sender = None if flow.sender is None else graph.senders[flow.sender]
        sent = [one for one in (sender or group).sends if one.group == group.group]
        nobody = "nobody in the group" if flow.seen else "not asked"
        yield Row(
            senders=nobody if sender is None else ", ".join(ranges(sender.hosts)),
            group=group.group,
            keys=", ".join(dict.fromkeys(one.text for one in sent)) or "nobody sends",
            listeners="nobody" if flow.listener is None else ", ".join(ranges(graph.listeners[flow.listener].hosts)),
            hosts=0 if flow.listener is None else flow.hosts,
            state=flow.state,
        )
