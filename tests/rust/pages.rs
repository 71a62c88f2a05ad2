// SPDX-License-Identifier: Apache-2.0
//! Huge pages for what is large, and for nothing else. One test alone in its process, whose memory it measures.
#![cfg(target_os = "linux")]

mod support;

use pyo3::prelude::*;
use std::fs;
use support::{python, run};

const MB: usize = 1 << 20;

/// How much of this process's memory may be in huge pages.
fn advised() -> usize {
    let mut size = 0;
    let mut advised = 0;
    for line in fs::read_to_string("/proc/self/smaps").expect("a text").lines() {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["Size:", number, "kB"] => size = number.parse::<usize>().expect("a number") << 10,
            ["VmFlags:", ref flags @ ..] if flags.contains(&"hg") => advised += size,
            _ => {}
        }
    }
    advised
}

/// How much memory this process has.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("a text");
    let pages: usize = pages
        .split(' ')
        .nth(1)
        .expect("a number")
        .parse()
        .expect("a number");
    pages * 4096
}

fn make(py: Python<'_>, code: &str) -> usize {
    run(py, code).unwrap();
    advised()
}

#[test]
fn large_values_have_huge_pages_and_give_them_back() {
    python(|py| {
        let size = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size").ok();
        if size.is_none_or(|size| size.trim() != "2097152") {
            return; // this kernel is not asked
        }
        // The C library maps each large block, M_MMAP_THRESHOLD, and so keeps none for later.
        run(py, "import ctypes\nctypes.CDLL(None).mallopt(-3, 1 << 20)").unwrap();
        assert_eq!(
            make(py, "small = list(range(100_000)); text = 'x' * 3_000_000"),
            0
        );
        let before = resident();
        for (code, least) in [
            ("large = list(range(2_000_000))", 60 * MB),
            ("large = dict.fromkeys(map(float, range(2_000_000)))", 100 * MB),
            (
                "large = bytearray(64 << 20); large[:] = bytes([1]) * len(large)",
                60 * MB,
            ),
            (
                "large = []\nfor i in range(4_000_000): large.append(None)",
                28 * MB,
            ),
        ] {
            let advised = make(py, code);
            assert!(advised >= least, "{code}: {} MB", advised / MB);
            run(py, "del large").unwrap();
            let left = resident().saturating_sub(before);
            assert!(left < 12 * MB, "{code}: {} MB left", left / MB);
        }
        // A block that grows is moved, not copied: of 64 MB, with pages of 4 KB it would be 16,384 faults.
        run(
            py,
            "import resource\n\
             def faults(): return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt\n\
             large, part, before = bytearray(), bytes(4096), faults()\n\
             while len(large) < 64 << 20: large += part\n\
             assert faults() - before < 30_000, faults() - before\n\
             del large",
        )
        .unwrap();
        // Nor does it keep what half of a value leaves.
        run(py, "large = list(range(4_000_000))").unwrap();
        let whole = resident();
        run(py, "del large[:2_000_000]").unwrap();
        let given = whole.saturating_sub(resident());
        assert!(given > 50 * MB, "{} MB", given / MB);
        run(py, "del large").unwrap();
        keeps_its_content(py);
        let left = resident().saturating_sub(before);
        assert!(left < 12 * MB, "{} MB left", left / MB);
    });
}

/// Values that grow, shrink and are freed, also by another allocator than the one that made them.
fn keeps_its_content(py: Python<'_>) {
    run(
        py,
        "import tracemalloc\n\
             def check(n):\n\
             \x20   large = list(range(n))\n\
             \x20   large.extend(range(n, 2 * n))\n\
             \x20   kept = large[::1000]\n\
             \x20   entries = {i: str(i) for i in large}\n\
             \x20   assert sum(large) == n * (2 * n - 1)\n\
             \x20   assert all(entries[i] == str(i) for i in kept)\n\
             \x20   del large, entries\n\
             \x20   assert kept == list(range(0, 2 * n, 1000))\n\
             \x20   block = bytearray(b'ab') * (4 << 20)\n\
             \x20   block.extend(b'c' * (8 << 20))\n\
             \x20   assert (block.count(b'a'), block.count(b'c')) == (4 << 20, 8 << 20)\n\
             check(500_000)\n\
             tracemalloc.start()\n\
             check(1_000)\n\
             kept = [1] * 2_000_000\n\
             tracemalloc.stop()\n\
             assert sum(kept) == 2_000_000\n\
             del kept\n\
             check(500_000)",
    )
    .unwrap();
}
