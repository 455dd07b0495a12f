"""Frames in order → movie: formats, colours, encoders, joined parts, and contact sheets.

Say what is wanted with `movie_of`; then `encode_frames` makes it of picture files that are there,
a `Reel` of files that are still coming, `open_encoder` and `JpegCopy` of frames in memory, and
`join_chunks` of parts that several ranks have encoded.

Colours. A frame holds display values (sRGB), as PNG, PPM, BMP, TGA and JPEG do; EXR and HDR, which
hold light, get that curve. H.264, H.265, AV1, VP9, ProRes and MPEG-2 have luma and colour after
BT.709 in the limited range, and say so; MPEG-1 and MJPEG have BT.601, as their standards have it;
FFV1, APNG, WebP and GIF stay RGB. Frames of more than 8 bits keep 10 (16 in FFV1 and APNG) where
the codec has them.

Alpha. FFV1, APNG, WebP and ProRes (as 4444) keep it, GIF keeps whether it is more than a half; all
others are over black.

Sizes. A movie has the size of its frames; H.264 and H.265 need even numbers and repeat the last
row and column, with a warning.

Rates. Exact, as a fraction, in every file's time base; GIF's delays are whole 1/100 s, times in
WebP, MKV and WebM whole milliseconds, each rounded by itself, so that nothing adds up.
"""

from __future__ import annotations

from mpirender.encode.formats import CODECS, CONTAINERS
from mpirender.encode.frames import display_frame, flat
from mpirender.encode.join import can_join, join_chunks
from mpirender.encode.jpegs import JpegCopy
from mpirender.encode.movie import Movie, is_movie, movie_of
from mpirender.encode.planes import Frame
from mpirender.encode.reel import Reel, encode_frames
from mpirender.encode.sequence import check_gaps, frames_named, number_of
from mpirender.encode.sheet import write_sheet
from mpirender.encode.splice import Splice
from mpirender.encode.video import Encoder, open_encoder

__all__ = [
    "CODECS",
    "CONTAINERS",
    "Encoder",
    "Frame",
    "JpegCopy",
    "Movie",
    "Reel",
    "Splice",
    "can_join",
    "check_gaps",
    "display_frame",
    "encode_frames",
    "flat",
    "frames_named",
    "is_movie",
    "join_chunks",
    "movie_of",
    "number_of",
    "open_encoder",
    "write_sheet",
]
