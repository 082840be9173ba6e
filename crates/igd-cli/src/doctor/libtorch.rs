//! libtorch, and the GPUs that it can use.

use igd::libtorch::{CudaError, cuda_half, loaded_from, open_cuda, version};

use super::finding::Finding;

const SUBJECT: &str = "libtorch";
/// What tch is made for.
const WANTED: &str = "2.11";

/// This program would not have started without one.
pub fn check() -> Finding {
    let file = loaded_from("libtorch_cpu.so")
        .map_or_else(|| "linked in".to_owned(), |file| file.display().to_string());
    let version = version().unwrap_or_else(|| "unknown".to_owned());
    let text = format!("version {version}, {file}");
    if version.split('.').take(2).eq(WANTED.split('.')) {
        Finding::ok(SUBJECT, text)
    } else {
        Finding::failure(
            SUBJECT,
            format!("{text}: {WANTED} is needed"),
            "unset LD_LIBRARY_PATH and LD_PRELOAD if they are set; else ./setup && cargo build --release",
        )
    }
}

pub fn check_gpus() -> Finding {
    const SUBJECT: &str = "GPU";
    let install = "./setup --cuda && cargo build --release";
    match open_cuda() {
        Ok(()) => Finding::ok(
            SUBJECT,
            format!(
                "{} usable, device=auto takes the first",
                tch::Cuda::device_count()
            ),
        ),
        Err(CudaError::NoDriver) if cuda_half().is_none() => Finding::ok(
            SUBJECT,
            "none, and a libtorch for the CPU: device=auto is the CPU",
        ),
        Err(error @ (CudaError::NoDriver | CudaError::Driver(_))) => Finding::warning(
            SUBJECT,
            format!("{error}; device=auto is the CPU"),
            "sudo apt-get install nvidia-driver (Debian: of non-free), restart, and see that nvidia-smi lists the GPU",
        ),
        Err(error @ (CudaError::NoCudaHalf | CudaError::Load(_))) => {
            Finding::warning(SUBJECT, format!("{error}; device=auto is the CPU"), install)
        }
        Err(error @ CudaError::Unseen) => Finding::warning(
            SUBJECT,
            format!("{error}; device=auto is the CPU"),
            "install the newest nvidia-driver, and restart",
        ),
    }
}
