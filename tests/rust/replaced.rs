// SPDX-License-Identifier: Apache-2.0
//! What stands in the place of Python's own functions and modules looks like those, compared with a Python that
//! nobody changed.

mod support;

use python4j_core::gil;
use support::{repr, run, turn};

/// A program that tells all that can be seen of the functions. It runs here and in a `python`.
const SEEN: &str = r#"
import copy, faulthandler, inspect, linecache, pickle, signal, sys, time, types, _signal
def outcome(call):
    try: return repr(call())
    except BaseException as e:
        tb, depth = e.__traceback__, 0
        while tb: tb, depth = tb.tb_next, depth + 1
        return type(e).__name__, str(e), depth
functions = [time.sleep, faulthandler.enable, _signal.signal, _signal.pthread_sigmask, sys.setswitchinterval, sys.getswitchinterval]
class Holder: pass
seen = []
for f in functions:
    seen.append((repr(f), type(f), f.__name__, f.__qualname__, f.__module__, f.__doc__, f.__text_signature__, repr(f.__self__),
        outcome(lambda: inspect.signature(f)), pickle.loads(pickle.dumps(f)) is f, copy.deepcopy(f) is f,
        inspect.isbuiltin(f), hasattr(f, '__code__'), sorted(dir(f))))
    Holder.f = f
    seen.append(Holder().f is f)
    for arguments in [(), (1, 2, 3, 4, 5), ('x',), (None,), ('x', 'y')]:
        if f.__name__ not in ('enable', 'getswitchinterval') or len(arguments) > 2:
            seen.append(outcome(lambda: f(*arguments)))
    seen.append(outcome(lambda: f(nothing=1)))
for value in ('-1', '1e20', "float('inf')", "float('nan')", '10**400', "'x'", '1j', '[]', '-0.5', '0', 'True', '0.03', '0.001'):
    seen.append((value, outcome(lambda: time.sleep(eval(value)))))
before = sys.getswitchinterval()
for value in (10, 0.5, 0.001, 1e-6, 0, -1, 'x'):
    seen.append((value, outcome(lambda: sys.setswitchinterval(value)), sys.getswitchinterval()))
sys.setswitchinterval(before)
class Mine(float): pass
seen.append(outcome(lambda: time.sleep(Mine(0.03))))
old = signal.signal(signal.SIGUSR1, lambda *a: 1 / 0)
seen.append((str(old), callable(signal.getsignal(signal.SIGUSR1)), outcome(lambda: signal.raise_signal(signal.SIGUSR1))))
seen.append(str(signal.signal(signal.SIGUSR1, old)).split()[0])
seen.append((type(linecache) is types.ModuleType, type(linecache), linecache.__class__, repr(linecache), type(linecache.__spec__), sorted(dir(linecache)),
    sorted(vars(linecache)), outcome(lambda: linecache.nothing)))
seen = '\n'.join(map(str, seen))
"#;

#[test]
fn they_are_what_a_python_has() {
    let _turn = turn();
    gil::with(|py| {
        // A folder of its own, since Python looks for modules beside a program.
        let folder = std::env::temp_dir().join(format!("python4j-replaced-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("seen.py");
        std::fs::write(
            &file,
            [
                SEEN,
                "if __name__ == '__main__' and 'here' not in globals(): print(seen)\n",
            ]
            .concat(),
        )
        .unwrap();
        run(
            py,
            &format!(
                "import subprocess, sys\n\
                 here, file = True, {file:?}\n\
                 exec(compile(open(file).read(), file, 'exec'))\n\
                 plain = subprocess.run([sys.executable, file], capture_output=True, text=True)\n\
                 pairs = zip(seen.split('\\n'), plain.stdout.rstrip('\\n').split('\\n'))\n\
                 differ = [pair for pair in pairs if pair[0] != pair[1]]"
            ),
        )
        .unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(repr(py, "plain.stderr"), "''");
        assert_eq!(repr(py, "differ"), "[]");
        assert_eq!(repr(py, "len(seen) > 2000"), "True");
    });
}
