# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vrp_ntp_multicast_info
short_description: NTP state of Huawei VRP devices
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Returns the state of the clock, the sources that the device follows, and the multicast servers that it is
    configured to be.
  - Can wait until the clock is synchronised.
  - For Linux hosts that run the engine of this collection, M(timecast.ntp_multicast.ntp_multicast_engine_info)
    returns the same shape.
extends_documentation_fragment:
  - timecast.ntp_multicast.attributes
  - timecast.ntp_multicast.attributes.actiongroup_vrp
  - timecast.ntp_multicast.attributes.info_module
attributes:
  platform:
    support: full
    platforms: Huawei VRP8, Huawei YunShan
options:
  dialect:
    description:
      - How the device spells NTP. CloudEngine and campus devices say V(ntp), NetEngine devices V(ntp-service).
      - Omitted, the device is asked.
    type: str
    choices: [ntp, ntp-service]
  wait_until_synchronised:
    description: Whether to wait until the clock is synchronised, and to fail when it is not in time.
    type: bool
    default: false
  heard_afresh:
    description:
      - With O(wait_until_synchronised=true), whether a client counts as synchronised only when a packet of the source
        that it follows came after the task began.
      - A client that has lost its source says that it is synchronised for up to eight polls more.
    type: bool
    default: false
  timeout:
    description: Seconds to wait with O(wait_until_synchronised=true).
    type: int
    default: 60
  packets:
    description:
      - Whether to return what the device counted, RV(packets), and the sources that it lost, RV(losses).
      - A device does not show with which key a packet was signed. Packets that were processed, and no failure of
        authentication among them, tell that a key is in use.
    type: bool
    default: false
seealso:
  - module: timecast.ntp_multicast.vrp_ntp_multicast
  - module: timecast.ntp_multicast.ntp_multicast_engine_info
"""

EXAMPLES = r"""
- name: Wait until the device follows a source
  timecast.ntp_multicast.vrp_ntp_multicast_info:
    wait_until_synchronised: true
    timeout: 300
  register: clock

- name: Say how far the clock is off
  ansible.builtin.debug:
    msg: "{{ clock.ntp.offset }} s from {{ clock.ntp.reference_id }}"
"""

RETURN = r"""
packets:
  description: What the device counted, null where it has no such command.
  returned: with O(packets=true)
  type: dict
  contains:
    received:
      description: NTP packets that came.
      type: int
    processed:
      description: Those that were processed.
      type: int
    authentication_failures:
      description: Those whose authentication failed.
      type: int
losses:
  description: The last losses of a source, null where the device has no such command, or words that are not known.
  returned: with O(packets=true)
  type: list
  elements: dict
  contains:
    source:
      description: The source.
      type: str
    session:
      description: Kind of the session, in the words of the device.
      type: str
    reason:
      description: Why it was lost, in the words of the device.
      type: str
    time:
      description: When it was lost, in the words of the device.
      type: str
looked_at:
  description: Seconds since 1970 on the controller, before the device was asked.
  returned: with O(packets=true)
  type: float
looked_until:
  description: The same after it has answered.
  returned: with O(packets=true)
  type: float
dialect:
  description: How the device spells NTP.
  returned: success
  type: str
  sample: ntp
ntp:
  description: The NTP state. What the device does not tell is null.
  returned: success, and when waiting was in vain
  type: dict
  contains:
    synchronised:
      description: Whether the clock is synchronised.
      type: bool
    stratum:
      description: Stratum of the clock, 16 when it is not synchronised.
      type: int
    leap:
      description: Leap indicator. VRP devices do not show it.
      type: str
    reference_id:
      description: Source that the clock follows.
      type: str
      sample: 10.0.1.31
    offset:
      description: Offset to the source in seconds.
      type: float
    root_delay:
      description: Round-trip delay to the primary reference in seconds.
      type: float
    root_dispersion:
      description: Dispersion to the primary reference in seconds.
      type: float
    role:
      description: What the configuration makes of the device, V(server), V(client), V(both) or V(none) of them.
      type: str
    associations:
      description: The sources that the device knows.
      type: list
      elements: dict
      contains:
        source:
          description: Address of the source.
          type: str
        interface:
          description: Interface over which it is heard.
          type: str
        group:
          description: Multicast group through which it was found, where the configuration leaves no choice.
          type: str
        mode:
          description: Mode of the association in the words of the device.
          type: str
        stratum:
          description: Stratum of the source.
          type: int
        reference_id:
          description: What the source follows.
          type: str
        reach:
          description: Which of the last eight polls were answered, as a number from 0 to 255.
          type: int
        poll:
          description: Seconds between polls.
          type: int
        last_received:
          description: Seconds since its last packet.
          type: float
        offset:
          description: Offset in seconds.
          type: float
        delay:
          description: Round-trip delay in seconds.
          type: float
        dispersion:
          description: Dispersion in seconds.
          type: float
        selected:
          description: Whether the clock follows this source.
          type: bool
        authenticated:
          description: Whether its packets are authenticated. VRP devices do not show it.
          type: bool
        key_id:
          description: Number of the key. VRP devices do not show it.
          type: int
    servers:
      description: The multicast servers that the device is configured to be.
      type: list
      elements: dict
      contains:
        interface:
          description: Interface on which it sends.
          type: str
        group:
          description: Multicast group.
          type: str
        port:
          description: UDP destination port.
          type: int
        key_id:
          description: Number of the key, null without authentication.
          type: int
        ttl:
          description: Time to live, null when the default of the device stands.
          type: int
        version:
          description: NTP version of the packets.
          type: int
"""
