"""On which processor Cycles renders: one graphics card a rank of the host."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .wire import Fault

GPU_KINDS = ("OPTIX", "CUDA", "HIP", "METAL", "ONEAPI")
"""Of Cycles, the fastest first."""


def use_device(scene: Any, wanted: str) -> None:
    """Have Cycles render on the processor, or on this rank's graphics card.

    Parameters
    ----------
    scene : Scene
    wanted : str
        ``CPU``, ``AUTO`` or one of `GPU_KINDS`.
    """
    if wanted == "CPU":
        scene.cycles.device = "CPU"
        return
    import bpy

    preferences = bpy.context.preferences.addons["cycles"].preferences
    cards = {kind: _cards(preferences, kind) for kind in GPU_KINDS}
    kind = kind_of(wanted, {kind for kind, found in cards.items() if found})
    if not kind:
        scene.cycles.device = "CPU"
        return
    preferences.compute_device_type = kind
    own = cards[kind][card_of(len(cards[kind]), int(os.environ.get("MPIRENDER_PLACE", "0")))]
    for device in preferences.devices:
        device.use = device.id == own
    scene.cycles.device = "GPU"


def _cards(preferences: Any, kind: str) -> list[str]:
    """Return the cards of a kind."""
    try:
        devices: Sequence[Any] = preferences.get_devices_for_type(kind)
    except (AttributeError, ValueError):  # not built in
        return []
    return [device.id for device in devices if device.type == kind]


def kind_of(wanted: str, there: set[str]) -> str:
    """Return the kind of cards to use; empty for the processor."""
    if wanted != "AUTO" and wanted not in there:
        has = ", ".join(kind for kind in GPU_KINDS if kind in there) or "none"
        raise Fault("host", f"--device {wanted.lower()}: no such card here; there are: {has}")
    return wanted if wanted != "AUTO" else next((k for k in GPU_KINDS if k in there), "")


def card_of(cards: int, place: int) -> int:
    """Return which of its host's cards a rank uses; where they are fewer, ranks share them."""
    return place % cards
