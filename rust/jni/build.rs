// SPDX-License-Identifier: Apache-2.0
//! Lets Python's symbols stay open where the linker would object: libpython is in the process
//! before this library is loaded (`NativeLoader.java`).

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("macos") {
        println!("cargo::rustc-cdylib-link-arg=-undefined");
        println!("cargo::rustc-cdylib-link-arg=dynamic_lookup");
    } else if std::env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("unix") {
        // A class loader that is collected closes its libraries, but Python goes on and calls into this one.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
