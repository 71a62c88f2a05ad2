// SPDX-License-Identifier: Apache-2.0
//! Lets Python's symbols stay open where the linker would object: the Python that loads this module has them.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("macos") {
        println!("cargo::rustc-cdylib-link-arg=-undefined");
        println!("cargo::rustc-cdylib-link-arg=dynamic_lookup");
    }
}
