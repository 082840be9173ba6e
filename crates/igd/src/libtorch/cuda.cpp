// Settings of libtorch for GPUs that tch does not give.

#include <ATen/Context.h>

// f32 is f32: by itself libtorch multiplies convolutions in TF32, which has the mantissa of f16.
extern "C" void igd_libtorch_exact_f32() {
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
}
