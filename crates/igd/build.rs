use std::path::{Path, PathBuf};
use std::{env, fs};

const SOURCES: [&str; 4] = [
    "src/libtorch/allocator.cpp",
    "src/libtorch/build.cpp",
    "src/libtorch/convolution.cpp",
    "src/libtorch/cuda.cpp",
];

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let Some(libtorch) = env::var_os("LIBTORCH").map(PathBuf::from) else {
        return fail(
            "LIBTORCH is not set: build in the repository, or set it to the folder of a libtorch",
        );
    };
    let Ok(lib) = fs::canonicalize(libtorch.join("lib")) else {
        return fail(&format!(
            "no libtorch at {}: run ./setup first",
            libtorch.display()
        ));
    };
    // The plugin and the program find libtorch by themselves, with no LD_LIBRARY_PATH: the folder's real path is
    // written into them, so that they keep working when the clone is moved. A package brings its libtorch elsewhere.
    println!("cargo:rerun-if-env-changed=IGD_LIBTORCH_RPATH");
    let rpath = env::var_os("IGD_LIBTORCH_RPATH").map_or(lib, PathBuf::from);
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", rpath.display());
    // For the build scripts of those who link with us.
    println!("cargo:rpath={}", rpath.display());
    compile(&libtorch.join("include"));
}

/// As torch-sys compiles its own part.
fn compile(headers: &Path) {
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
    }
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        // Not ours, so not our warnings.
        .flag("-isystem")
        .flag(headers)
        .files(SOURCES)
        .compile("igd_libtorch");
}

fn fail(reason: &str) {
    println!("cargo:error={reason}");
}
