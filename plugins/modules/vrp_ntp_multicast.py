# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vrp_ntp_multicast
short_description: NTP multicast on Huawei VRP devices
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Configures everything that NTP multicast needs on one Huawei VRP8 or YunShan device, in one task and one
    transaction. These are
    authentication keys, the authentication switch, multicast servers and multicast clients on interfaces, and what
    makes a
    multicast server a usable source.
  - An option that is omitted is not asked for. Nothing is written for it, and the default of the device stands.
  - The device is read, the difference is planned, the lines go into the candidate configuration one at a time, each
    answer is checked, and one
    commit makes them effective. A refused line clears the candidate and fails the task. After the commit the device
    is read again and must
    show what was asked for.
extends_documentation_fragment:
  - timecast.ntp_multicast.attributes
  - timecast.ntp_multicast.attributes.actiongroup_vrp
attributes:
  check_mode:
    support: full
    details:
      - Predicts RV(after) and RV(commands) without opening the candidate configuration.
  diff_mode:
    support: full
    details:
      - Shows the NTP configuration text before and after. Secrets and ciphertexts are masked.
  idempotent:
    support: full
    details:
      - A device shows keys encrypted with a random salt. See O(update_secrets) for how keys converge.
  platform:
    support: full
    platforms: Huawei VRP8, Huawei YunShan
options:
  config:
    description:
      - The wanted configuration.
      - Required unless O(state) is V(deleted), V(gathered) or V(parsed).
    type: dict
    suboptions:
      authentication:
        description:
          - The authentication switch and the keys.
        type: dict
        suboptions:
          enabled:
            description:
              - Whether NTP authentication is switched on. With it, a client takes authenticated packets only.
            type: bool
          keys:
            description:
              - Authentication keys, each number once.
            type: list
            elements: dict
            suboptions:
              id:
                description:
                  - Number of the key.
                  - A server with O(config.interfaces[].servers[].version=4) takes keys up to V(65535) only, because
                    the packet of a larger one could be read as an extension field.
                  - V(1) to V(4294967295).
                type: int
                required: true
              algorithm:
                description:
                  - How the key authenticates packets. Needed to create a key.
                  - V(md5) is broken and deprecated by RFC 8573, and CloudEngine devices take it only after the
                    package for weak algorithms was installed.
                type: str
                choices: [md5, hmac-sha256, aes-128-cmac, aes-256-cmac]
              secret:
                description:
                  - The secret of the key, in plain text. Never shown in results, differences, messages or logs.
                  - V(aes-128-cmac) takes exactly 16 characters, V(aes-256-cmac) exactly 32.
                type: str
              trusted:
                description:
                  - Whether a source that proves itself with the key may be synchronised to. A client needs it, a
                    server does not.
                type: bool
      server:
        description:
          - What a multicast server also needs, because a new client first asks it directly to measure the path.
        type: dict
        suboptions:
          enabled:
            description:
              - Whether the host answers NTP clients. On VRP it undoes the automatic C(ntp server disable), and the
                IPv6 one where IPv6 is served.
            type: bool
          listen:
            description:
              - Names of interfaces on which requests are answered, or the one word V(all).
              - A VRP device answers IPv6 clients at IPv6 addresses of its own, which can stand here too, or with
                V(all). On Linux a name covers both families.
            type: list
            elements: str
          reference_stratum:
            description:
              - Makes the local clock a reference clock of this stratum.
              - V(1) to V(15).
            type: int
          upstream:
            description:
              - Unicast servers that the host itself follows, each address once in a VPN instance. A multicast server
                that follows nobody tells its whole site its own drift.
              - Omitted, nothing is asked of them, and they stay as they are in every state. Given, the states
                V(replaced) and V(overridden) leave these servers and no others, V(deleted) removes these.
              - On Linux they are sources of C(chronyd), and the variable C(ntp_multicast_engine_upstream) has to be
                V(chrony).
            type: list
            elements: dict
            suboptions:
              address:
                description:
                  - Address of the server, IPv4 or IPv6, without a zone. It is a host's, neither multicast nor
                    loopback.
                type: str
                required: true
              key_id:
                description:
                  - Number of the key that authenticates the packets. One of the keys described, if any keys are. It
                    has to be trusted, since the host synchronises with its help.
                  - V(1) to V(4294967295).
                type: int
              version:
                description:
                  - NTP version of the requests, for IPv4 alone. Omitted, 3 on VRP and 4 on Linux.
                  - V(1) to V(4).
                type: int
              preferred:
                description:
                  - Whether the server is preferred to others that are as good. Omitted, it is not.
                type: bool
              vpn_instance:
                description:
                  - VPN instance through which the server is reached; with the address it identifies the entry. It has
                    to be there, with the family of the address enabled.
                  - On VRP alone. It has 1 to 31 letters, digits and characters of C(_.:/@#+=-), begins with a letter,
                    a digit or C(_), and is not C(_public_).
                type: str
              source_interface:
                description:
                  - Interface whose address is the source of the requests. On VRP alone, where it has to be in the VPN
                    instance, and to have IPv6 for an IPv6 server.
                type: str
              minpoll:
                description:
                  - Shortest interval between requests, as a power of two in seconds. Omitted, 6.
                  - V(3) to V(6).
                type: int
              maxpoll:
                description:
                  - Longest interval between requests, as a power of two in seconds. Omitted, 10.
                  - V(10) to V(17).
                type: int
      interfaces:
        description:
          - Who sends and who listens, each interface once.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the interface, in the words of its platform. On VRP a layer 3 interface, such as V(100GE1/0/1)
                or V(Vlanif100), with its whole type. Case does not matter; V(GE0/1/0) and V(GigabitEthernet0/1/0) are
                one.
            type: str
            required: true
          servers:
            description:
              - Groups to which the interface sends time, each once.
            type: list
            elements: dict
            suboptions:
              afi:
                description:
                  - Address family. Omitted, that of the address, else V(ipv4).
                type: str
                choices: [ipv4, ipv6]
              address:
                description:
                  - Multicast group, without a zone. Omitted, V(224.0.1.1), or V(FF0E::101) for V(ipv6).
                type: str
              key_id:
                description:
                  - Number of the key that authenticates the packets. One of the keys described, if any keys are.
                  - V(1) to V(4294967295).
                type: int
              ttl:
                description:
                  - How many hops the packets may take. The default belongs to the release of a device, and manuals
                    disagree on it, so that none is assumed and none is ever written.
                  - V(1) to V(255).
                type: int
              version:
                description:
                  - NTP version of the packets, for IPv4 alone. Omitted, 3 on VRP and 4 on Linux.
                  - V(1) to V(4).
                type: int
              port:
                description:
                  - UDP destination port. Omitted, 123.
                  - V(123), or V(1025) to V(65535).
                type: int
          clients:
            description:
              - Groups to which the interface listens, each once.
            type: list
            elements: dict
            suboptions:
              afi:
                description:
                  - Address family. Omitted, that of the address, else V(ipv4).
                type: str
                choices: [ipv4, ipv6]
              address:
                description:
                  - Multicast group, without a zone. Omitted, V(224.0.1.1), or V(FF0E::101) for V(ipv6).
                type: str
  state:
    description:
      - V(merged) adds what is wanted to what is there.
      - V(replaced) also removes what is not wanted, in the sections and on the interfaces that O(config) names.
      - V(overridden) also removes what is not wanted anywhere else.
      - V(deleted) removes what O(config) names; without O(config), all NTP multicast configuration.
      - Other NTP lines of the device, such as those of unicast associations, may need options of O(config.server).
        As long as they stand, V(replaced), V(overridden) and V(deleted) change no such option that is not named; see
        RV(kept).
      - No state touches unicast servers unless O(config.server.upstream) is given.
      - V(gathered) returns the present configuration as RV(gathered).
      - V(rendered) returns as RV(rendered) the lines that a person would type. Needs no device.
      - V(parsed) returns as RV(parsed) the model of O(running_config), and refuses a text that is no configuration.
        Needs no device.
    type: str
    default: merged
    choices: [merged, replaced, overridden, deleted, gathered, rendered, parsed]
  from_variables:
    description:
      - Whether options that the task does not give come from the variables of the role
        P(timecast.ntp_multicast.ntp_multicast#role).
      - O(config) then comes from C(ntp_multicast_authentication), C(ntp_multicast_server) and
        C(ntp_multicast_interfaces). The other options come from variables of their own names, with the prefix
        C(ntp_multicast_).
      - It spares the task its templates. Ansible compiles each of them again for each device, which takes longer than
        to log in and to read the device.
    type: bool
    default: false
  results_from:
    description:
      - Name of the variable in which a task of M(timecast.ntp_multicast.vrp_ntp_multicast_fleet) was registered.
      - If it has a result of this host, this task gives it, without a login and whatever the other options are.
        If not, it works as usual.
    type: str
  running_config:
    description:
      - The text of C(display current-configuration), for O(state=parsed). Prompts, logs and rests of the pager in it do
        not matter. A text that was cut is refused where it is not certain how a line goes on. So are two texts in one.
    type: str
  dialect:
    description:
      - How the device spells NTP. CloudEngine and campus devices say V(ntp), NetEngine devices V(ntp-service).
      - Omitted, the device is asked, and O(state=rendered) writes V(ntp).
    type: str
    choices: [ntp, ntp-service]
  update_secrets:
    description:
      - When the secret of a key is written that is on the device, and of which nothing is remembered.
      - After each commit the module remembers digests of the secret that was sent and of the ciphertext that the
        device shows; see O(key_memory_file). With that memory, a key is written exactly when either has changed.
      - Without it, V(on_create) leaves the key as it is, says so in RV(keys_not_compared), and V(always) writes it.
      - V(never) looks at keys that are on the device by id, algorithm and trust only, whatever is remembered, and takes
        an empty secret. A key that is not there, or has another algorithm, still needs its secret.
    type: str
    default: on_create
    choices: [on_create, always, never]
  key_memory_file:
    description:
      - A file on the controller that keeps what is remembered of the keys of all devices, with mode 0600. It holds
        salted slow hashes of secrets and digests of ciphertexts, and neither secrets nor ciphertexts.
      - Without this option the fact cache is used where it outlives the run, as the fact C(ntp_multicast_key_memory).
        Elsewhere the file is C(ntp_multicast_key_memory.json) in Ansible's home, which is C(~/.ansible). Both are read.
      - A file that cannot be read or written is a warning.
    type: path
  show_secrets:
    description: Whether RV(rendered) shows secrets instead of a mask.
    type: bool
    default: false
  save:
    description: When to write the running configuration to the startup file. A commit does not do that.
    type: str
    default: never
    choices: [never, changed, always]
  lock:
    description: Whether to lock the configuration against the commits of other users for the time of the transaction.
    type: bool
    default: false
  commit:
    description: What the commit carries.
    type: dict
    suboptions:
      trial:
        description:
          - Commit on trial for this many seconds, V(60) to V(65535). The module then logs in a second time and
            verifies the configuration there. Only
            then it confirms the commit, otherwise it rolls it back. When the device can't be reached any more, it
            goes back by itself.
        type: int
      label:
        description:
          - Label of the commit, 1 to 256 characters, not beginning with a digit or a hyphen.
          - Letters, digits and C(_.:/@+=,-); other characters act on a command line.
        type: str
      description:
        description:
          - Description of the commit, 1 to 60 characters, neither beginning with C(#) nor beginning or ending with a
            blank.
          - Letters, digits, blanks, parentheses and C(_.:/@+=,#-); other characters act on a command line.
        type: str
      confirm:
        description:
          - What confirms a commit on trial; needs O(commit.trial). Without it, V(login).
          - With V(login) the second login is enough.
          - With V(synchronised) the module also waits until the device is synchronised to what its configuration says.
            A client follows a source of which a packet came after the change, a server its own clock or its unicast
            servers. It waits for the time of the trial, less a fifth and at least 15 seconds, in which the commit has
            to be confirmed. A device that is not synchronised by then gets its old configuration back, and the task
            fails with what was seen.
          - With V(none) the trial is left running, for M(timecast.ntp_multicast.vrp_commit) to confirm or abort. Unless
            it is confirmed in time, the device goes back by itself. It can't be saved meanwhile.
        type: str
        choices: [login, synchronised, none]
  run_id:
    description:
      - Label of the commit where O(commit.label) gives none, so that all that one run has changed can be found and
        taken back. The playbook C(timecast.ntp_multicast.site) sets it.
    type: str
  allow_immediate:
    description:
      - Whether to configure a device that has no candidate configuration, where each line takes effect at once.
      - When a line fails there, the module takes back what was applied and reports it line by line.
    type: bool
    default: false
seealso:
  - module: timecast.ntp_multicast.vrp_ntp_multicast_info
  - plugin: timecast.ntp_multicast.vrp_ssh
    plugin_type: connection
"""

EXAMPLES = r"""
- name: An authenticated multicast server
  timecast.ntp_multicast.vrp_ntp_multicast:
    config:
      authentication:
        enabled: true
        keys:
          - id: 42
            algorithm: aes-128-cmac
            secret: "{{ vault_ntp_key_42 }}"
            trusted: true
      server:
        enabled: true
        listen: [100GE1/0/1]
        reference_stratum: 2
      interfaces:
        - name: 100GE1/0/1
          servers:
            - address: 224.0.1.1
              key_id: 42
              ttl: 16
              version: 4
    save: changed

- name: A client of the same group, committed on trial
  timecast.ntp_multicast.vrp_ntp_multicast:
    config:
      authentication:
        enabled: true
        keys:
          - id: 42
            algorithm: aes-128-cmac
            secret: "{{ vault_ntp_key_42 }}"
            trusted: true
      interfaces:
        - name: Vlanif100
          clients:
            - address: 224.0.1.1
    state: replaced
    commit:
      trial: 120
      description: NTP multicast client

- name: What is there now
  timecast.ntp_multicast.vrp_ntp_multicast:
    state: gathered
  register: present

- name: The lines for a NetEngine device, without a device
  timecast.ntp_multicast.vrp_ntp_multicast:
    state: rendered
    dialect: ntp-service
    config:
      interfaces:
        - name: GigabitEthernet0/1/0
          servers:
            - afi: ipv6
  delegate_to: localhost
"""

RETURN = r"""
before:
  description: The configuration before, as the model of O(config). Never holds secrets.
  returned: when O(state) is V(merged), V(replaced), V(overridden) or V(deleted)
  type: dict
  sample: {authentication: {enabled: false, keys: []}, server: {listen: []}, interfaces: []}
after:
  description: The configuration that was read back, or in check mode the predicted one.
  returned: as RV(before)
  type: dict
  sample: {authentication: {enabled: true, keys: [{id: 42, algorithm: aes-128-cmac, trusted: true}]}}
commands:
  description: The lines that were sent, or in check mode would be. Secrets are masked.
  returned: as RV(before)
  type: list
  elements: str
  sample:
    - system-view
    - interface 100GE1/0/1
    - ntp multicast-server 224.0.1.1
    - quit
    - commit
diff:
  description: The NTP configuration text before and after. Secrets and ciphertexts are masked.
  returned: as RV(before)
  type: dict
  sample: {before_header: CE1 (before), after_header: CE1 (after), before: "", after: "ntp authentication enable\n"}
automatic:
  description:
    - Lines that the device wrote by itself, such as C(ntp server disable). They are left alone unless
      O(config.server.enabled) is set.
  returned: when the device was read
  type: list
  elements: str
  sample: [ntp server disable, ntp ipv6 server disable]
dialect:
  description: How the device or the text spells NTP.
  returned: always
  type: str
  sample: ntp
commit:
  description: What is known of the commit.
  returned: as RV(before), when something changed
  type: dict
  contains:
    id:
      description: Number of the commit, null where the account may not list commits and in check mode.
      type: str
      sample: '1000000114'
    label:
      description: As in O(commit.label). Empty where the device knows no labels.
      type: str
    trial:
      description: As in O(commit.trial).
      type: int
    confirm:
      description: What confirmed the trial. With V(none) it still runs. Null without a trial.
      type: str
saved:
  description: Whether the device said that the running configuration was written to the startup file.
  returned: as RV(before)
  type: bool
gathered:
  description: The present configuration, as the model of O(config). Never holds secrets.
  returned: when O(state) is V(gathered)
  type: dict
  sample: {interfaces: [{name: 100GE1/0/1, servers: [{address: 224.0.1.1, ttl: 16}], clients: []}]}
outside_model:
  description:
    - NTP lines of the device that the model does not hold, or of which it does not hold every word, with the interface
      in whose view they stand. What it does not hold is left alone. Secrets are masked.
  returned: when O(state) is V(gathered)
  type: list
  elements: str
  sample: [ntp unicast-peer 192.0.2.10, "interface Vlanif100: ntp receive disable"]
parsed:
  description: The model of O(running_config). Never holds secrets.
  returned: when O(state) is V(parsed)
  type: dict
  sample: {interfaces: [{name: Vlanif100, clients: [{address: 224.0.1.1}], servers: []}]}
rendered:
  description:
    - Every line that a person would type, from C(system-view) to C(commit). Secrets are masked unless
      O(show_secrets=true).
  returned: when O(state) is V(rendered)
  type: list
  elements: str
  sample: [system-view, ntp authentication enable, commit]
keys_written:
  description: The keys that are written, or would be in check mode, and why.
  returned: as RV(before)
  type: list
  elements: dict
  contains:
    id:
      description: Number of the key.
      type: int
    reason:
      description:
        - V(created) for a key that is not on the device, V(algorithm) for one with another algorithm, V(rotated) for
          one with a new secret.
        - V(changed_on_device) for one that somebody else has changed since it was written, as far as that is
          remembered.
        - V(always) for one of which nothing is remembered, with O(update_secrets=always).
      type: str
  sample: [{id: 42, reason: rotated}]
keys_not_compared:
  description:
    - Ids of the keys that are on the device, of which nothing is remembered, and which are left as they are. Whether
      they have the secrets that are described is not known. There is a warning for each.
  returned: as RV(before)
  type: list
  elements: int
  sample: []
kept:
  description:
    - Options of O(config.server) that stay although O(state) removes what is not given.
      NTP lines on the device that are not managed here may need them.
  returned: as RV(before)
  type: list
  elements: str
  sample: ["server.enabled", "server.listen: Vlanif100"]
outcome:
  description:
    - What became of the device when the task failed.
    - V(nothing_sent), no configuration line was sent. V(cleared), the candidate configuration was cleared. V(dropped),
      the session ended with lines pending, which the device drops. V(trial_aborted), the trial commit was rolled back.
      V(unchanged), a look afterwards shows that nothing was changed. With these the device is as it was.
    - V(committed), the change is effective, and what came after it failed. V(trial_expires), an unconfirmed trial
      commit goes back by itself. V(trial_left), the trial commit runs and waits to be confirmed. V(confirming), it may
      or may not be permanent.
      V(unknown), the change may or may not have taken effect. V(immediate), lines took effect on a device without a
      candidate configuration and could not be taken back. With these RV(ignore:changed) is true.
  returned: failure, except where the options are wrong
  type: str
  sample: cleared
refused:
  description: The line that the device did not take.
  returned: failure, when a line was not taken
  type: dict
  contains:
    line:
      description: The line, with secrets masked.
      type: str
      sample: ntp multicast-server 224.0.1.1
    view:
      description: The interface in whose view it was sent, null in the system view and for commands.
      type: str
      sample: 100GE1/0/1
    column:
      description: The column, from 1 on, at which the device pointed, null when it pointed nowhere.
      type: int
      sample: 5
    words:
      description: What the device said.
      type: str
      sample: "Error: Unrecognized command found at '^' position."
timedout:
  description: The task's C(timeout) was over; C(period) is its seconds. RV(outcome) says what is known.
  returned: failure, when the task's C(timeout) was over
  type: dict
ansible_facts:
  description: What is remembered of keys.
  returned: when something was committed, and the fact cache is what remembers
  type: dict
  contains:
    ntp_multicast_key_memory:
      description:
        - Salted slow hashes of secrets and digests of ciphertexts, per key, and the default ttl of the device where a
          commit has shown it. Holds neither secrets nor ciphertexts.
      type: dict
"""
