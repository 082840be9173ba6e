//! Opens libtorch's CUDA half at run time, so that one build serves machines with and without a GPU: whether it is
//! linked or not, the linker leaves it out where nothing calls it by name.

use std::ffi::{CStr, OsStr, c_char, c_int, c_uint};
use std::path::PathBuf;
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY, RTLD_LOCAL, RTLD_NOW};

use super::build::loaded_from;

const CUDA_HALF: &str = "libtorch_cuda.so";

/// Why libtorch cannot use a GPU. The text tells the user what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CudaError {
    /// `libcuda.so.1` does not load.
    #[error("there is no NVIDIA driver: install it")]
    NoDriver,
    /// The driver does not start; what it says.
    #[error("the NVIDIA driver finds no usable GPU ({0})")]
    Driver(String),
    /// The libtorch of this process has no `libtorch_cuda.so`.
    #[error("this libtorch is for the CPU alone: run ./setup --cuda and build again")]
    NoCudaHalf,
    /// `libtorch_cuda.so` is there and does not load; what the loader says.
    #[error("libtorch's part for GPUs does not load ({0}): run ./setup --cuda and build again")]
    Load(String),
    /// All is there, and libtorch still says that there is none.
    #[error("libtorch does not see the GPU: its CUDA may need a newer NVIDIA driver")]
    Unseen,
}

/// Makes GPUs usable, or says why they are not. libtorch keeps its first answer to whether there are any, so this comes
/// before every question; what it opened stays open. The first call may take seconds where there is a GPU, and is quick
/// where not.
pub fn open_cuda() -> Result<(), CudaError> {
    static OPENED: OnceLock<Result<(), CudaError>> = OnceLock::new();
    OPENED
        .get_or_init(|| {
            // Loading our half takes seconds and gigabytes, so the driver is asked first.
            ask_driver()?;
            load_cuda_half()?;
            if !tch::Cuda::is_available() {
                return Err(CudaError::Unseen);
            }
            set_up();
            Ok(())
        })
        .clone()
}

/// How libtorch computes on GPUs, from now on.
fn set_up() {
    unsafe extern "C" {
        fn igd_libtorch_exact_f32();
    }
    // SAFETY: sets flags.
    unsafe { igd_libtorch_exact_f32() };
    // Pictures of a model have one size: trying out which kernels are the fastest for it pays.
    tch::Cuda::cudnn_set_benchmark(true);
}

/// Asks the NVIDIA driver for a GPU.
fn ask_driver() -> Result<(), CudaError> {
    // SAFETY: runs the initialisers of the driver, which libtorch runs as well.
    let driver = unsafe { Library::open(Some("libcuda.so.1"), RTLD_LAZY | RTLD_LOCAL) }
        .map_err(|_| CudaError::NoDriver)?;
    let status = |error: libloading::Error| CudaError::Driver(text_of(&error));
    // SAFETY: the types are those of the driver's documentation, and the library is open until the end of this
    // function; `cuInit` may be called at any time and any number of times, and the text, where there is one, is
    // static.
    let (code, text) = unsafe {
        let initialise = driver
            .get::<unsafe extern "C" fn(c_uint) -> c_int>(b"cuInit\0")
            .map_err(status)?;
        let describe = driver
            .get::<unsafe extern "C" fn(c_int, *mut *const c_char) -> c_int>(b"cuGetErrorString\0")
            .map_err(status)?;
        let code = initialise(0);
        let mut text = std::ptr::null();
        describe(code, &raw mut text);
        let text = (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned());
        (code, text)
    };
    // Drivers do not like to be unloaded.
    std::mem::forget(driver);
    match code {
        0 => Ok(()),
        _ => Err(CudaError::Driver(
            text.unwrap_or_else(|| format!("error {code}")),
        )),
    }
}

/// The file of the CUDA half that belongs to the libtorch of this process, if it has one.
pub fn cuda_half() -> Option<PathBuf> {
    loaded_from("libtorch_cpu.so")
        .map(|file| file.with_file_name(CUDA_HALF))
        .filter(|path| path.exists())
}

/// Loads the CUDA half of the libtorch that this process has, for good.
fn load_cuda_half() -> Result<(), CudaError> {
    let beside = cuda_half();
    let name = beside
        .as_deref()
        .map_or(OsStr::new(CUDA_HALF), |path| path.as_os_str());
    // SAFETY: runs the library's initialisers, which register its kernels with libtorch; it was made for that.
    match unsafe { Library::open(Some(name), RTLD_NOW | RTLD_GLOBAL) } {
        Ok(library) => {
            std::mem::forget(library);
            Ok(())
        }
        Err(_) if beside.is_none() => Err(CudaError::NoCudaHalf),
        Err(error) => Err(CudaError::Load(text_of(&error))),
    }
}

/// What the loader says.
fn text_of(error: &libloading::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| cause.to_string());
    cause.unwrap_or_else(|| error.to_string())
}
