// SPDX-License-Identifier: Apache-2.0
//! libFuzzer's buffers for the packed reader: each is refused or read, leaves no handle and takes no more memory
//! than a small multiple of its size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use python4j_core::{gil, handle};

#[path = "../../rust/support/mod.rs"]
mod support;
#[path = "../../rust/support/unpacked.rs"]
mod unpacked;

fuzz_target!(init: {
    drop(support::turn()); // starts Python
    gil::with(|py| support::run(py, "import decimal").unwrap());
}, |buffer: &[u8]| {
    gil::with(|py| {
        let (_, taken) = unpacked::taken_by(|| unpacked::read(py, buffer));
        assert!(taken <= unpacked::allowed(buffer), "{taken} bytes for {} bytes", buffer.len());
        assert_eq!(handle::count(), 0, "handles are left");
    });
});
