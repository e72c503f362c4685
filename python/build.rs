//! The command line, which this package includes, runs inside another program here.

fn main() {
    println!("cargo:rustc-cfg=hosted");
    println!("cargo:rerun-if-changed=build.rs");
}
