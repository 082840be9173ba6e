#!/usr/bin/python3
"""Prints the scores and the regions of each frame, from what igdfilter leaves on it. Knows GStreamer alone (on Debian
python3-gi and gir1.2-gst-plugins-base-1.0).

  examples/read.py filesrc location=parts.mp4 ! decodebin ! videoconvert ! igdfilter model=part.safetensors ! appsink name=sink

A line is the frame's number and for each igdfilter "<element> <score>", "anomalous" where it is, and for each region
"<width>x<height>+<x>+<y>".
"""
import sys
import warnings

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import Gst, GstApp  # noqa: E402

# Of GObject.ValueArray, without which arrays in structures cannot be read.
warnings.simplefilter("ignore", DeprecationWarning)


def structures(structure, name):
    # They live as long as the array.
    _, array = structure.get_array(name)
    for index in range(array.n_values):
        yield array.get_nth(index)


def describe(buffer):
    meta = buffer.get_custom_meta("IgdAnomalyMeta")
    if meta is None:
        return "no result"
    result = meta.get_structure()
    words = []
    # Of each igdfilter, where there are several.
    for result in structures(result, "results") if result.has_field("results") else [result]:
        words.append(f"{result.get_value('element')} {result.get_value('score'):.6f}")
        if result.get_value("anomalous"):
            words.append("anomalous")
        for region in structures(result, "regions"):
            x, y, w, h = map(region.get_value, "xywh")
            words.append(f"{w}x{h}+{x}+{y}")
    return " ".join(words)


Gst.init(None)
pipeline = Gst.parse_launchv(sys.argv[1:])
sink = pipeline.get_by_name("sink")
if not isinstance(sink, GstApp.AppSink):
    sys.exit("the pipeline has no appsink name=sink")
pipeline.set_state(Gst.State.PLAYING)
frame, failure = 0, None
while not failure and not sink.is_eos():
    if sample := sink.try_pull_sample(100 * Gst.MSECOND):
        print(frame, describe(sample.get_buffer()), flush=True)
        frame += 1
    failure = pipeline.bus.pop_filtered(Gst.MessageType.ERROR)
pipeline.set_state(Gst.State.NULL)
if failure:
    sys.exit(failure.parse_error().gerror.message)
