"""Asserts that pictures that come together are judged as they are one by one, and what the file says of itself."""

import sys

import numpy
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
[picture] = session.get_inputs()
outputs = {output.name: output for output in session.get_outputs()}
names = ["score", "map", "normalized", "anomalous", "normalized_map"]
assert list(outputs) == names
_, channels, height, width = picture.shape
assert (picture.name, picture.type, channels) == ("picture", "tensor(float)", 3)
assert outputs["map"].shape == ["N", 1, height, width] and outputs["score"].shape == ["N"]
assert outputs["anomalous"].type == "tensor(int32)"

random = numpy.random.default_rng(1)
pictures = random.random((3, 3, height, width), numpy.float32)
together = session.run(names, {"picture": pictures})
for number in range(3):
    alone = session.run(names, {"picture": pictures[number : number + 1]})
    for one, all in zip(alone, together):
        numpy.testing.assert_allclose(one[0], all[number], rtol=1e-4, atol=1e-5)

told = session.get_modelmeta()
known = told.custom_metadata_map
assert known["size"] == f"{width}x{height}" and known["profile"] == "dense"
assert float(known["threshold"]) > float(known["median"])
assert known["normalized_map"] == "igd-normalized-map"
