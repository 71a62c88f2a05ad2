// SPDX-License-Identifier: Apache-2.0
//! Flushes what a program printed before its call returns.

use crate::tools::Tools;
use crate::{Result, capi, lines, script};
use pyo3::prelude::*;
use std::sync::OnceLock;

/// Whether CPython notes the changes of `sys`.
static WATCHED: OnceLock<bool> = OnceLock::new();

/// What a program printed is out of the process when a call returns: Python's own streams write
/// through, and one that user code put in their place is flushed here. Fails where a receiver in Java does.
#[inline]
pub(crate) fn flush_replaced_streams(tools: &Tools, py: Python<'_>) -> Result<()> {
    // To look for both takes a tenth of a short call.
    if capi::has_changed() {
        look(tools, py)
    } else {
        Ok(())
    }
}

fn look(tools: &Tools, py: Python<'_>) -> Result<()> {
    let mut flushed = Ok(());
    let mut replaced = false;
    let sys = tools.sys.bind(py);
    for (name, original) in &tools.streams {
        let Ok(Some(now)) = sys.get_item(name.bind(py)) else {
            continue;
        };
        if original.as_ref().is_some_and(|o| now.is(o)) || now.is_none() {
            continue;
        }
        replaced = true;
        if lines::is_flushed(&now) {
            continue;
        }
        // A stream without flush, or one whose flush fails, is the program's own affair unless it is ours.
        if let Err(raised) = now.call_method0("flush") {
            let ours = script::tool(py, "output", "is_open_stream")
                .and_then(|test| Ok(test.call1((now,))?.is_truthy()?));
            if flushed.is_ok() && ours.is_ok_and(|ours| ours) {
                flushed = Err(raised.into());
            } else {
                raised.into_value(py).drop_ref(py); // now, see `gil::briefly`
            }
        }
    }
    if !replaced && *WATCHED.get_or_init(|| capi::watch(sys)) {
        capi::looked_at(py);
    }
    flushed
}
