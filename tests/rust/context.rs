// SPDX-License-Identifier: Apache-2.0
//! Named namespaces.

mod support;

use pyo3::prelude::*;
use python4j_core::{Result, context};
use support::{repr, run, turn};

fn inside<R>(body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    let _turn = turn();
    python4j_core::gil::with(|py| {
        let result = body(py);
        context::switch(py, context::MAIN).unwrap();
        for name in context::names() {
            if name != context::MAIN {
                context::delete(py, &name).unwrap();
            }
        }
        context::reset(py, 0).unwrap();
        result
    })
}

#[test]
fn names_of_one_context_are_not_those_of_another() {
    inside(|py| -> Result<()> {
        run(py, "x = 'main'")?;
        context::switch(py, "a")?;
        assert!(run(py, "x").is_err());
        run(py, "x = 'a'\n_p = 1\n__q = 2\n__r__ = 3")?;
        context::switch(py, "b")?;
        for name in ["_p", "__q", "__r__"] {
            assert!(run(py, name).is_err(), "{name} belongs to a");
        }
        context::switch(py, "a")?;
        assert_eq!(repr(py, "(x, _p, __q, __r__)"), "('a', 1, 2, 3)");
        context::switch(py, context::MAIN)?;
        assert_eq!(repr(py, "x"), "'main'");
        Ok(())
    })
    .unwrap();
}

#[test]
fn functions_keep_their_globals_while_another_context_is_current() {
    inside(|py| -> Result<()> {
        context::switch(py, "a")?;
        run(
            py,
            "base = 10\ndef f(n): return base + n\nimport builtins\nbuiltins.shared = f",
        )?;
        context::switch(py, "b")?;
        run(py, "base = 99\nr = shared(1)\ndel __builtins__.shared")?;
        assert_eq!(repr(py, "r"), "11");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_class_pickles_while_its_context_is_current() {
    inside(|py| -> Result<()> {
        context::switch(py, "a")?;
        run(
            py,
            "import pickle\nclass P: pass\np = pickle.loads(pickle.dumps(P()))",
        )?;
        assert_eq!(repr(py, "type(p) is P"), "True");
        Ok(())
    })
    .unwrap();
}

#[test]
fn reset_empties_the_current_context_and_stays() {
    inside(|py| -> Result<()> {
        context::switch(py, "a")?;
        run(py, "x = 1\ndef f(): return x")?;
        context::reset(py, 0)?;
        assert_eq!(context::current(), "a");
        assert_eq!(
            repr(py, "('x' in globals(), __name__, len([1]))"),
            "(False, '__main__', 1)"
        );
        Ok(())
    })
    .unwrap();
}

#[test]
fn deleting_frees_the_objects_even_if_a_function_is_kept() {
    inside(|py| -> Result<()> {
        context::switch(py, "a")?;
        let code = "import weakref, builtins\nclass C: pass\nc = C()\ndef f(): return c\nbuiltins.w, builtins.f = weakref.ref(c), f";
        run(py, code)?;
        context::switch(py, "b")?;
        context::delete(py, "a")?;
        run(py, "gone = w() is None\ndel __builtins__.w, __builtins__.f")?;
        assert_eq!(repr(py, "gone"), "True");
        assert_eq!(context::names(), ["main", "b"]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn finalizers_of_what_a_context_had_can_import() {
    inside(|py| -> Result<()> {
        let code = "import time, builtins\nbuiltins.seen = []\nclass D:\n    def __del__(self, time=time, seen=seen): \
                    seen.append(time.strptime('2024', '%Y').tm_year)\nd = D()";
        run(py, code)?;
        context::reset(py, 0)?;
        context::switch(py, "a")?;
        run(py, code.replace("builtins.seen = []", "").as_str())?;
        context::switch(py, context::MAIN)?;
        context::delete(py, "a")?;
        assert_eq!(repr(py, "seen"), "[2024, 2024]");
        run(py, "del __builtins__.seen")?;
        Ok(())
    })
    .unwrap();
}

#[test]
fn wrong_names_and_the_current_context_are_refused() {
    inside(|py| {
        for name in ["", "1c", "a b", "a-b", "é", "a.b", "a\n"] {
            let said = format!("Invalid context name: {name}");
            assert_eq!(context::switch(py, name).expect_err(name).to_string(), said);
            assert_eq!(context::current(), "main");
        }
        context::switch(py, "None").unwrap();
        let error = context::delete(py, "None").expect_err("current");
        assert_eq!(error.to_string(), "Cannot delete current context!");
        context::delete(py, "unknown").unwrap();
    });
}

#[test]
fn main_can_be_deleted_and_comes_back_empty() {
    inside(|py| -> Result<()> {
        run(py, "x = 1")?;
        context::switch(py, "a")?;
        context::delete(py, context::MAIN)?;
        assert_eq!(context::names(), ["a"]);
        context::switch(py, context::MAIN)?;
        assert_eq!(repr(py, "'x' in globals()"), "False");
        Ok(())
    })
    .unwrap();
}

#[test]
fn replaced_sys_modules_do_not_stop_a_switch() {
    inside(|py| -> Result<()> {
        run(py, "import sys\nkeep = sys.modules\nsys.modules = None")?;
        let switched = context::switch(py, "a");
        context::switch(py, context::MAIN)?;
        run(py, "sys.modules = keep")?;
        switched
    })
    .unwrap();
}
