// SPDX-License-Identifier: Apache-2.0
//! The table of the Python objects that Java holds, the frames that collect them, and the list of objects that Java
//! has forgotten. A thread inside Python frees the objects of this list.
//!
//! A handle is a generation-checked key, never an address: a stale or invented handle is an error. The handle 0 means
//! no object, and for frames it means no frame. The table of objects belongs to whoever holds the GIL, for a few instructions
//! and never while Python code runs: objects are taken out of it and dropped afterwards.

use crate::guarded::Guarded;
use crate::{Error, Result, capi, inject};
use parking_lot::Mutex;
use pyo3::prelude::*;
use slotmap::{Key, KeyData, SlotMap, new_key_type};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A Python object held by Java.
pub type Handle = u64;

/// A `PythonGC` frame; [`NO_FRAME`] is none.
pub type Frame = u64;

/// The frame of objects that belong to no frame, and to no host.
pub const NO_FRAME: Frame = 0;

/// The frame that a host's objects have which are in no frame of `PythonGC`. It is never opened, so objects can
/// be told by it at no cost; [`close_host`] gives them back.
pub const fn root(host: u32) -> Frame {
    ROOTS | host as Frame
}

const ROOTS: Frame = 0x8000_0001 << 32;

/// Stands for the frame of a caller in another process, who can hold no objects: nothing is ever given to it (`pack.rs`).
pub const APART: Frame = Frame::MAX;

new_key_type! {
    struct ObjectKey;
    struct FrameKey;
}

struct Held {
    object: Py<PyAny>,
    frame: Frame,
}

struct Opened {
    /// Who opened it.
    root: Frame,
    members: Vec<ObjectKey>,
}

type Action = Box<dyn FnOnce(Python<'_>) + Send>;

enum Late {
    TakeBack(Handle),
    CloseFrame(Frame),
    Move(Handle, Frame),
    Other(Action),
}

type Objects = SlotMap<ObjectKey, Held>;

static OBJECTS: LazyLock<Guarded<Objects>> = LazyLock::new(|| Guarded::new(SlotMap::default()));
/// How many objects are there and how many places they have, for whoever does not hold the GIL.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static PLACES: AtomicUsize = AtomicUsize::new(0);
static FRAMES: LazyLock<Mutex<SlotMap<FrameKey, Opened>>> = LazyLock::new(Mutex::default);
/// In the order in which it came.
static LATE: Mutex<Vec<Late>> = Mutex::new(Vec::new());
/// Whether anything is in `LATE`. Set after something was put there, and cleared with the list locked: so what is there was put
/// there before the flag was set, or sets it again. Who reads it too early leaves it to the next thread.
static LATE_WAITS: AtomicBool = AtomicBool::new(false);

fn object_key(handle: Handle) -> ObjectKey {
    KeyData::from_ffi(handle).into()
}

fn frame_key(frame: Frame) -> FrameKey {
    KeyData::from_ffi(frame).into()
}

#[inline(always)] // into `give`, and so into each call
fn insert(objects: &mut Objects, held: Held) -> ObjectKey {
    let key = objects.insert(held);
    COUNT.store(objects.len(), Ordering::Relaxed);
    PLACES.store(objects.capacity() + 1, Ordering::Relaxed);
    key
}

fn remove(objects: &mut Objects, key: ObjectKey) -> Option<Held> {
    let held = objects.remove(key);
    COUNT.store(objects.len(), Ordering::Relaxed);
    held
}

/// Drops objects. Each `Py` by itself would ask whether the thread has the GIL, and wait where pyo3 is not told of that.
fn let_go(py: Python<'_>, held: impl IntoIterator<Item = Held>) {
    held.into_iter().for_each(|held| held.object.drop_ref(py));
}

/// Puts an object that is in the table into its frame. Gives it back if that has closed, by the very call that made
/// the object, say: nobody else would.
#[inline]
fn join(objects: &mut Objects, key: ObjectKey, frame: Frame) -> Option<Held> {
    let was_opened = frame != NO_FRAME && frame & ROOTS != ROOTS;
    if was_opened {
        return join_opened(objects, key, frame);
    }
    None
}

fn join_opened(objects: &mut Objects, key: ObjectKey, frame: Frame) -> Option<Held> {
    if let Some(opened) = FRAMES.lock().get_mut(frame_key(frame)) {
        opened.members.push(key);
        return None;
    }
    remove(objects, key)
}

/// Java holds the object from now on, until its frame closes or the handle is dropped.
/// With a frame that is closed already the handle is stale at once.
#[inline]
pub fn give(object: Bound<'_, PyAny>, frame: Frame) -> Handle {
    let (py, object) = (object.py(), object.unbind());
    let mut objects = OBJECTS.lock(py);
    inject::point(); // with the table in use
    let key = insert(&mut objects, Held { object, frame });
    let left = join(&mut objects, key, frame);
    drop(objects);
    let_go(py, left);
    key.data().as_ffi()
}

/// The object behind a handle, for the length of a call.
#[inline]
pub fn lend(py: Python<'_>, handle: Handle) -> Result<Bound<'_, PyAny>> {
    match OBJECTS.lock(py).get(object_key(handle)) {
        Some(held) => Ok(held.object.bind(py).clone()),
        None => Err(Error::StaleHandle),
    }
}

/// Looks at the object behind a handle, by `look`, which neither runs Python code nor drops an object.
#[inline]
pub(crate) fn peek<'py, R>(
    py: Python<'py>,
    handle: Handle,
    look: impl FnOnce(&Bound<'py, PyAny>) -> Option<R>,
) -> Option<R> {
    look(OBJECTS.lock(py).get(object_key(handle))?.object.bind(py))
}

/// Java holds the object at an address that it got elsewhere; see [`capi::adopt`].
pub fn adopt(py: Python<'_>, address: usize, owned: bool, frame: Frame) -> Result<Handle> {
    match capi::adopt(py, address, owned) {
        Some(object) => Ok(give(object, frame)),
        None => Err(Error::refused("The address of the object is null.")),
    }
}

/// Java gives an object back. A handle that is gone already is fine.
#[inline]
pub fn take_back(py: Python<'_>, handle: Handle) {
    let held = remove(&mut OBJECTS.lock(py), object_key(handle));
    let_go(py, held);
}

/// The same without Python: the object waits for the next thread inside.
pub fn take_back_late(handle: Handle) {
    late(Late::TakeBack(handle));
}

/// As [`take_back`], but the last reference to an object is the caller's to drop, since a finalizer may run then.
#[inline]
pub(crate) fn take_back_but_last(py: Python<'_>, handle: Handle) -> Option<Py<PyAny>> {
    let Held { object, .. } = remove(&mut OBJECTS.lock(py), object_key(handle))?;
    if capi::is_last(object.bind(py)) {
        return Some(object);
    }
    object.drop_ref(py);
    None
}

fn late(what: Late) {
    LATE.lock().push(what);
    LATE_WAITS.store(true, Ordering::Release);
}

/// Opens a frame of a host, which [`root`] names. Needs no Python.
pub fn open_frame(root: Frame) -> Frame {
    let members = Vec::new();
    FRAMES.lock().insert(Opened { root, members }).data().as_ffi()
}

/// Frees every object of a host, and closes its frames.
pub fn close_host(py: Python<'_>, root: Frame) {
    let frames: Vec<_> = (FRAMES.lock().iter())
        .filter(|(_, opened)| opened.root == root)
        .map(|(key, _)| key.data().as_ffi())
        .collect();
    frames.into_iter().for_each(|frame| close_frame(py, frame));
    let mut objects = OBJECTS.lock(py);
    let own: Vec<_> = (objects.iter())
        .filter(|(_, held)| held.frame == root)
        .map(|(key, _)| key)
        .collect();
    let held: Vec<_> = own
        .into_iter()
        .filter_map(|key| remove(&mut objects, key))
        .collect();
    drop(objects);
    let_go(py, held);
}

/// Closes a frame and frees every object in it.
pub fn close_frame(py: Python<'_>, frame: Frame) {
    let Some(Opened { members, .. }) = FRAMES.lock().remove(frame_key(frame)) else {
        return;
    };
    let mut objects = OBJECTS.lock(py);
    // A member that was kept elsewhere since then, or is gone, is not this frame's any more.
    let held: Vec<_> = (members.into_iter())
        .filter_map(|key| match objects.get(key) {
            Some(held) if held.frame == frame => remove(&mut objects, key),
            _ => None,
        })
        .collect();
    drop(objects);
    let_go(py, held);
}

/// The same without Python.
pub fn close_frame_late(frame: Frame) {
    late(Late::CloseFrame(frame));
}

/// Moves an object to another frame, or out of all.
pub fn move_to(py: Python<'_>, handle: Handle, frame: Frame) -> Result<()> {
    let key = object_key(handle);
    let mut objects = OBJECTS.lock(py);
    let held = objects.get_mut(key).ok_or(Error::StaleHandle)?;
    if held.frame == frame {
        return Ok(());
    }
    held.frame = frame;
    let left = join(&mut objects, key, frame);
    drop(objects);
    let_go(py, left);
    Ok(())
}

/// The same without Python. Nothing happens to an object that is gone.
pub fn move_late(handle: Handle, frame: Frame) {
    late(Late::Move(handle, frame));
}

/// Has the next thread that enters Python do something, before what it came for.
pub fn do_late(what: impl FnOnce(Python<'_>) + Send + 'static) {
    late(Late::Other(Box::new(what)));
}

/// Whether [`free_late`] has something to do.
#[inline]
pub(crate) fn late_waits() -> bool {
    LATE_WAITS.load(Ordering::Acquire)
}

/// Does what waits for a thread inside Python.
#[inline]
pub fn free_late(py: Python<'_>) {
    if late_waits() {
        free_waiting(py);
    }
}

#[cold]
#[allow(clippy::disallowed_methods)] // this is inside Python, and what waits may drop anything
fn free_waiting(_held: Python<'_>) {
    let waiting = {
        let mut late = LATE.lock();
        LATE_WAITS.store(false, Ordering::Release);
        std::mem::take(&mut *late)
    };
    Python::attach(|py| {
        for late in waiting {
            match late {
                Late::TakeBack(handle) => take_back(py, handle),
                Late::CloseFrame(frame) => close_frame(py, frame),
                Late::Move(handle, frame) => drop(move_to(py, handle, frame)),
                Late::Other(what) => what(py),
            }
        }
    });
}

/// How many objects Java holds.
pub fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// How many places the table of objects has: the lower half of a handle is less.
pub fn places() -> usize {
    PLACES.load(Ordering::Relaxed)
}

/// How many frames are open.
pub fn frame_count() -> usize {
    FRAMES.lock().len()
}
