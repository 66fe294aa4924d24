# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play inside one task: each with the variables and the connection that a task of its own would have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible import constants
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from ..ntp.errors import UserError
from .before_fork import VRP_SSH
from .comparison import Device
from .specification import VRP_NTP_MULTICAST
from .variables import options_from_variables
from .vrp_request import refuse_problems, request_from_options, warnings_about


class Fleet:
    """Makes devices from host names.

    Hosts whose variables cannot be read, that another connection reaches, or whose description is refused, are left
    out: their own task says so.
    """

    def __init__(self, task: Any, play_context: Any, loader: Any) -> None:
        self.warnings: set[str] = set()
        self._task = task
        self._play_context = play_context
        self._loader = loader
        self._variable_manager = task.get_variable_manager()
        self._validator = ArgumentSpecValidator(**VRP_NTP_MULTICAST)
        self._validated: tuple[dict[str, Any], dict[str, Any]] | None = None

    def devices(self, hosts: Iterable[str]) -> Iterator[Device]:
        """The devices that can be compared."""
        for host in hosts:
            try:
                device = self._device(host)
            except Exception:
                continue
            if device is not None:
                yield device

    def _device(self, name: str) -> Device | None:
        host = self._variable_manager._inventory.get_host(name)
        variables = self._variable_manager.get_vars(
            play=self._task.get_play(), host=host, task=self._task, include_hostvars=False
        )
        templar = Templar(loader=self._loader, variables=variables)
        if templar.template(variables.get("ansible_connection", self._task.connection)) != VRP_SSH:
            return None
        options = self._options(options_from_variables(variables, templar))
        if options["save"] == "always" and not self._task.check_mode:
            return None
        connection = self._connection(variables, templar)
        request = request_from_options(
            options, variables.get("ansible_facts"), check=True, patience=connection.patience
        )
        return Device(name, request, connection, connection.close)

    def _options(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Validated options. A fleet has one description, mostly: what is the same is validated once."""
        if self._validated is None or self._validated[0] != arguments:
            validation = self._validator.validate(arguments)
            if validation.error_messages:
                raise UserError(". ".join(validation.error_messages))
            options = validation.validated_parameters
            refuse_problems(options)
            self.warnings.update(warnings_about(options))
            self._validated = (arguments, options)
        return self._validated[1]

    def _connection(self, variables: Mapping[str, Any], templar: Any) -> Any:
        """What Ansible's task executor does before it runs an action."""
        connection = connection_loader.get(VRP_SSH, self._play_context, None)
        keys = self._task.dump_attrs()
        keys["timeout"] = self._play_context.timeout
        if self._play_context.password:
            keys["password"] = self._play_context.password
        keys.pop("retries", None)
        names = constants.config.get_plugin_vars("connection", connection._load_name)
        values = {name: templar.template(variables[name]) for name in names if name in variables}
        connection.set_options(task_keys=keys, var_options=values)
        return connection
