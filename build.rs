use std::path::PathBuf;
use std::{env, fs};

fn main() {
    gst_plugin_version_helper::info();

    // The plugin and the program find libtorch by themselves, with no LD_LIBRARY_PATH: the folder's real path is written
    // into them, so that they keep working when the clone is moved.
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let Some(libtorch) = env::var_os("LIBTORCH").map(PathBuf::from) else {
        return;
    };
    match fs::canonicalize(libtorch.join("lib")) {
        Ok(lib) => println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display()),
        Err(_) => println!(
            "cargo:warning=no libtorch at {}: run ./setup first",
            libtorch.display()
        ),
    }
}
