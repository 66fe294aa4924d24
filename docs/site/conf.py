# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes the site: `make docs`. Nothing here fetches anything."""

from __future__ import annotations

from typing import Any

from docutils import nodes

project = "timecast.ntp_multicast"
author = "Timecast developers"
copyright = "2026, Timecast developers"
html_title = "timecast.ntp_multicast"
html_short_title = "ntp_multicast"

extensions = ["sphinx_antsibull_ext", "sphinx_copybutton"]
exclude_patterns = ["collections/environment_variables.rst"]
nitpicky = True

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}
pygments_style = "ansible"
pygments_dark_style = "monokai"
highlight_language = "none"
templates_path = []

# Outputs are copied without the prompt that stands before a command.
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

# Labels of the pages of ansible-core, which are named and not fetched.
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
LABELS = {
    "action_plugins": f"{ANSIBLE}/plugins/action.html",
    "common_return_values": f"{ANSIBLE}/reference_appendices/common_return_values.html",
    "list_of_collections": f"{ANSIBLE}/collections/index.html",
}
BUILTIN = "ansible_collections.ansible.builtin."


def reference_elsewhere(_app: Any, _environment: Any, node: Any, content: nodes.TextElement) -> nodes.Element | None:
    """A label of ansible-core becomes a link, one of its variables plain text; any other stays an error."""
    target = node.get("reftarget", "")
    if node.get("reftype") == "envvar" and target.startswith("ANSIBLE_"):
        return content
    page = LABELS.get(target)
    if target.startswith(BUILTIN):
        page = f"{ANSIBLE}/collections/ansible/builtin/{target.removeprefix(BUILTIN)}.html"
    return nodes.reference("", "", content, internal=False, refuri=page) if page else None


def setup(app: Any) -> None:
    app.connect("missing-reference", reference_elsewhere)
