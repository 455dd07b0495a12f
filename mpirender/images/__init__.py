"""The only reader and writer of picture files; depth, alpha and metadata are kept.

Pixels go in and out as the numbers that stand in the file: no colour conversion, no change of
depth, no multiplication with alpha. What is not a pixel (PNG chunks, EXR attributes, header
comments, TGA extension area, JPEG tables) travels in the ``PictureFormat``, so that a frame
composed from row blocks is written just as the renderer would have written it.

========  =========================  ======================  ===================================
kind      dtype                      channels                kept as metadata
========  =========================  ======================  ===================================
png       uint8 uint16               L LA RGB RGBA           every ancillary chunk, unchanged
ppm       uint8 uint16               L RGB                   comments, maximum value
bmp       uint8                      RGB RGBA                none needed
tga       uint8                      RGB RGBA                header, extension area, footer
exr       float16 float32            L LA RGB RGBA           every attribute; ZIP, ZIPS or none
hdr       uint8                      RGBE (the raw bytes)    header lines
jpeg      uint8                      L RGB                   tables or quality, comment, density
========  =========================  ======================  ===================================

JPEG is the one lossy kind. Row blocks are therefore rendered to another kind, and the composed
frame gets its format from ``jpeg_format``.
"""

from __future__ import annotations

from mpirender.images.base import Picture, PictureFormat
from mpirender.images.files import preload, read_picture, read_region, size_of, write_picture
from mpirender.images.jpeg import jpeg_format
from mpirender.images.layers import Layers, read_layers

__all__ = [
    "Layers",
    "Picture",
    "PictureFormat",
    "jpeg_format",
    "preload",
    "read_layers",
    "read_picture",
    "read_region",
    "size_of",
    "write_picture",
]
