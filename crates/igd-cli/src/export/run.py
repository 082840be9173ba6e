"""Runs a graph in ONNX Runtime: pictures on standard input, their outputs on standard output, both as f32 in the order of memory.

Arguments: the file, the input's name, its height and width, and the outputs' names. The first line that is written names the runtime.
"""

import sys

try:
    import numpy
    import onnxruntime
except ImportError:
    sys.exit(3)

file, input, height, width, *outputs = sys.argv[1:]
shape = (1, 3, int(height), int(width))
pictures, results = sys.stdin.buffer, sys.stdout.buffer
try:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    results.write(f"ONNX Runtime {onnxruntime.__version__}\n".encode())
    results.flush()
    while picture := pictures.read(4 * shape[1] * shape[2] * shape[3]):
        picture = numpy.frombuffer(picture, numpy.float32).reshape(shape)
        for values in session.run(outputs, {input: picture}):
            results.write(values.astype(numpy.float32).tobytes())
        results.flush()
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
