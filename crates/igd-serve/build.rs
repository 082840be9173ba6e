use std::env;

fn main() {
    // The tests find libtorch by themselves, with no LD_LIBRARY_PATH.
    if let Ok(rpath) = env::var("DEP_IGD_LIBTORCH_RPATH") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{rpath}");
    }
}
