// What the libtorch of this process says of itself.

#include <ATen/Version.h>

#include <string>

// A text of many lines; it lives as long as the process.
extern "C" const char* igd_libtorch_configuration() {
  static const std::string configuration = at::show_config();
  return configuration.c_str();
}
