// SPDX-License-Identifier: Apache-2.0
//! Converts Python values to bytes and back. The other half of this wire format is `Pack.java` and `PackReader.java`.
//!
//! Numbers are little-endian. A value is a tag and its payload. Lengths are `u32`. Text is UTF-8, in which a lone
//! surrogate has its three bytes. A list of only `int` (64 bits) or only `float` is packed as one run of numbers.
//!
//! | tag | value | payload |
//! | --- | --- | --- |
//! | 0 | None | |
//! | 1, 2 | False, True | |
//! | 3 | int | `i64` |
//! | 4 | int beyond 64 bits | length, two's complement, big-endian |
//! | 5 | float | bits of the `f64` |
//! | 6 | str | text |
//! | 7 | bytes | length, bytes |
//! | 8, 9 | list, tuple | count, values |
//! | 10 | set or frozenset | count, values |
//! | 11 | dict | count, keys and values in turn |
//! | 12, 13 | list of int, of float | count, 8 bytes each |
//! | 14 | Decimal | text |
//! | 15 | object | handle: lent by Java, given to Java |
//! | 16 | str with lone surrogates (to Java only) | text |
//! | 17 | no such name (to Java only) | |
//! | 18 | Java's own object (to Java only) | key; handle that keeps it: given to Java |
//! | 19 | long str of Latin-1 (to Java only of ASCII) | length, a byte for each character |
//! | 20 | other long str | length in bytes, UTF-16, lone surrogates as they are |
//! | 21 | large str or bytes; container that came in parts ([`add`]), or that Java takes by itself ([`first`]) | handle: given, and taken back by whoever reads it (`bulk.rs`) |
//! | 22 | function of a caller in another process (from Java only) | key; text: its name |
//! | 23 | array that both processes see, large bytes in shared memory | length, bytes of [`Sharing`] |
//! | 24 | the rest of the container of which it is the last value, or the last key (to Java only) | handle of the container, or of an iterator over it: given; position; how many came before; how many there are |
//!
//! A large container crosses in parts, so that what crosses needs little memory beside it. Java hands parts over by [`add`] before
//! it refers to the container. To Java the first part ends with the tag 24, and Java asks for each of the others by [`more`]. Where other
//! threads could come between two of them, there is the tag 21 instead, and Java takes all parts while native code keeps the GIL.
//!
//! A caller in another process holds no handles. Its values are completely in the buffer, the tags 15 and 21 do not
//! occur, and the handle of tag 18 is 0.
//!
//! Long text is copied in the form that both sides have in memory, because encoding it costs more than everything
//! else.

mod format;
mod parts;
mod reader;
mod scalar;
mod sharing;
mod spare;
mod told;
mod values;
mod walk;
mod wanted;
mod writer;

pub use format::{MAX_DEPTH, PART, Rest};
pub use parts::{add, first, more};
pub use reader::{Reader, answer, forget, forget_named, string};
pub(crate) use scalar::int;
pub use scalar::{integer, number};
pub use sharing::{Sharing, share_by};
pub use spare::{buffer, give_back};
pub(crate) use told::{Asked, LAST_TOLD, TOLD_WORDS, tell, tell_missing, tell_wanted};
pub use told::{ask, asked, told};
pub use wanted::{Wanted, built_in};
pub use writer::{Writer, texts};
