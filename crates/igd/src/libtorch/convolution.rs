//! Convolutions on the CPU with weights packed as oneDNN's kernels read them, and what follows a convolution done while
//! its output is still in registers.

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use tch::Tensor;
use torch_sys::C_tensor;

/// Stride, padding (the same on all sides) and groups of a convolution. As in convolution.cpp.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Geometry {
    pub stride: i64,
    pub padding: i64,
    pub groups: i64,
    pub transposed: bool,
}

unsafe extern "C" {
    fn igd_pack(
        weight: *const C_tensor,
        geometry: *const Geometry,
        input_size: *const i64,
        packed: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn igd_convolve(
        x: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        geometry: *const Geometry,
        sum: *const C_tensor,
        then: Then,
        result: *mut *mut C_tensor,
    ) -> *mut c_char;
}

/// What is done to a convolution's output. As in convolution.cpp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Then {
    Nothing,
    Relu,
    /// ReLU, and nothing above 6.
    Relu6,
}

/// A convolution with packed weights.
#[derive(Debug)]
pub struct PackedConvolution {
    weight: Tensor,
    bias: Tensor,
    geometry: Geometry,
}

impl PackedConvolution {
    /// Packs the weight (out, in, k, k), or (in, out, k, k) of a transposed convolution, for channels-last inputs of
    /// `input_size` (N, C, H, W); other batches are right too, but may be slower. `None` where this CPU has no such
    /// kernel.
    pub fn new(
        weight: &Tensor,
        bias: &Tensor,
        geometry: Geometry,
        input_size: [i64; 4],
    ) -> Option<Self> {
        let mut packed = null_mut();
        // SAFETY: the tensors and the four numbers live until the call returns.
        let error =
            unsafe { igd_pack(weight.as_ptr(), &geometry, input_size.as_ptr(), &mut packed) };
        Some(Self {
            weight: taken(error, packed).ok()?,
            bias: bias.shallow_clone(),
            geometry,
        })
    }

    /// (N, C, H, W), channels-last, to the same. Panics where libtorch throws, as tch's operations do.
    pub fn forward(&self, x: &Tensor, then: Then) -> Tensor {
        self.convolve(null(), x, then)
    }

    /// Adds the convolution's output to `sum`, whose memory it uses. Not for transposed convolutions.
    pub fn forward_onto(&self, sum: Tensor, x: &Tensor, then: Then) -> Tensor {
        self.convolve(sum.as_ptr(), x, then)
    }

    /// `sum` is a tensor that lives, or null.
    fn convolve(&self, sum: *const C_tensor, x: &Tensor, then: Then) -> Tensor {
        let mut result = null_mut();
        // SAFETY: the tensors live until the call returns.
        let error = unsafe {
            igd_convolve(
                x.as_ptr(),
                self.weight.as_ptr(),
                self.bias.as_ptr(),
                &self.geometry,
                sum,
                then,
                &mut result,
            )
        };
        taken(error, result).unwrap_or_else(|text| panic!("{text}"))
    }
}

/// The tensor that a call has made, or the text of its error.
fn taken(error: *mut c_char, result: *mut C_tensor) -> Result<Tensor, String> {
    if error.is_null() {
        // SAFETY: without an error there is a tensor, and it is ours.
        return Ok(unsafe { Tensor::from_ptr(result) });
    }
    // SAFETY: the text ends with a zero and is ours to free.
    unsafe {
        let text = CStr::from_ptr(error).to_string_lossy().into_owned();
        libc::free(error.cast());
        Err(text)
    }
}
