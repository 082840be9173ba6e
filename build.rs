use std::env;

fn main() {
    gst_plugin_version_helper::info();
    // The plugin finds libtorch by itself, with no LD_LIBRARY_PATH.
    if let Ok(rpath) = env::var("DEP_IGD_LIBTORCH_RPATH") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{rpath}");
    }
}
