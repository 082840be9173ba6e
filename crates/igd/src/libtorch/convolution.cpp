// oneDNN's convolutions with packed weights and what follows them in the same pass: libtorch has these operations for its
// own compiler, and neither at:: nor tch has a name for them.

#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

// As in convolution.rs.
struct Geometry {
  int64_t stride;
  int64_t padding;
  int64_t groups;
  bool transposed;
};

// As in convolution.rs.
enum class Then { nothing, relu, relu6 };

namespace {

using Arguments = std::vector<c10::IValue>;
using Pair = std::vector<int64_t>;
using Scalars = c10::List<std::optional<at::Scalar>>;

c10::OperatorHandle operation(const char *name, const char *overload = "") {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
}

at::Tensor call(const c10::OperatorHandle &operation, Arguments arguments) {
  operation.callBoxed(&arguments);
  return arguments.at(0).toTensor();
}

Pair both(int64_t value) { return {value, value}; }

// Nothing may be thrown into Rust: the text of what went wrong, to be freed with free, or null.
template <typename Work> char *guarded(Work work) {
  try {
    work();
    return nullptr;
  } catch (const std::exception &error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("unknown error");
  }
}

} // namespace

extern "C" char *igd_pack(const at::Tensor *weight, const Geometry *geometry, const int64_t *input_size,
                          at::Tensor **packed) {
  return guarded([&] {
    static const auto plain = operation("mkldnn::_reorder_convolution_weight");
    static const auto transposed = operation("mkldnn::_reorder_convolution_transpose_weight");
    Arguments arguments{*weight, both(geometry->padding)};
    if (geometry->transposed) {
      arguments.emplace_back(both(0)); // output padding
    }
    arguments.emplace_back(both(geometry->stride));
    arguments.emplace_back(both(1)); // dilation
    arguments.emplace_back(geometry->groups);
    arguments.emplace_back(Pair(input_size, input_size + 4));
    *packed = new at::Tensor(call(geometry->transposed ? transposed : plain, std::move(arguments)));
  });
}

// Adds to `sum`, in its memory, unless it is null; only plain convolutions can, and without a ReLU6.
extern "C" char *igd_convolve(const at::Tensor *x, const at::Tensor *weight, const at::Tensor *bias,
                              const Geometry *geometry, const at::Tensor *sum, Then then, at::Tensor **result) {
  return guarded([&] {
    static const auto plain = operation("mkldnn::_convolution_pointwise");
    static const auto transposed = operation("mkldnn::_convolution_transpose_pointwise");
    static const auto adding = operation("mkldnn::_convolution_pointwise_", "binary");
    const auto &chosen = sum != nullptr ? adding : geometry->transposed ? transposed : plain;
    Arguments arguments;
    if (sum != nullptr) {
      arguments.emplace_back(*sum);
    }
    arguments.insert(arguments.end(), {*x, *weight, *bias, both(geometry->padding)});
    if (geometry->transposed) {
      arguments.emplace_back(both(0)); // output padding
    }
    arguments.insert(arguments.end(), {both(geometry->stride), both(1), geometry->groups}); // both(1): dilation
    if (sum != nullptr) {
      arguments.emplace_back("add");
      arguments.emplace_back(); // alpha
      arguments.emplace_back(then == Then::relu ? c10::IValue("relu") : c10::IValue());
    } else {
      arguments.emplace_back(then == Then::relu ? "relu" : then == Then::relu6 ? "hardtanh" : "none");
    }
    Scalars scalars;
    if (then == Then::relu6) {
      scalars.push_back(at::Scalar(0.0));
      scalars.push_back(at::Scalar(6.0));
    }
    arguments.emplace_back(std::move(scalars));
    arguments.emplace_back(); // algorithm
    *result = new at::Tensor(call(chosen, std::move(arguments)));
  });
}
