// SPDX-License-Identifier: Apache-2.0
//! How the arrays of a format lie in their buffers.

/// How an array of a format lies in its buffers.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// It has no buffers.
    Null,
    /// So many bits for each element.
    Bits(i64),
    /// Offsets of so many bytes, one more than there are elements; then the bytes that these mean.
    Text(i64),
    /// 16 bytes for each, and any number of other buffers that these mean.
    Views,
    /// The same offsets, into the child.
    List(i64),
    /// Offsets and lengths of so many bytes.
    ListViews(i64),
    /// So many elements of the child for each.
    FixedList(i64),
    Struct,
    SparseUnion,
    DenseUnion,
    RunEnds,
}

impl Form {
    pub(super) fn of(format: &str) -> Option<Form> {
        let number = |at: usize| {
            format
                .get(at..)
                .and_then(|rest| rest.parse::<i64>().ok())
                .filter(|n| *n >= 0)
        };
        Some(match format {
            "n" => Form::Null,
            "b" => Form::Bits(1),
            "c" | "C" => Form::Bits(8),
            "s" | "S" | "e" => Form::Bits(16),
            "i" | "I" | "f" | "tdD" | "tts" | "ttm" | "tiM" => Form::Bits(32),
            "l" | "L" | "g" | "tdm" | "ttu" | "ttn" | "tiD" => Form::Bits(64),
            "tin" => Form::Bits(128),
            "z" | "u" => Form::Text(4),
            "Z" | "U" => Form::Text(8),
            "vz" | "vu" => Form::Views,
            "+l" | "+m" => Form::List(4),
            "+L" => Form::List(8),
            "+vl" => Form::ListViews(4),
            "+vL" => Form::ListViews(8),
            "+s" => Form::Struct,
            "+r" => Form::RunEnds,
            _ if matches!(
                format.as_bytes(),
                [b't', b's', b's' | b'm' | b'u' | b'n', b':', ..] | [b't', b'D', b's' | b'm' | b'u' | b'n']
            ) =>
            {
                Form::Bits(64)
            }
            _ if format.starts_with("+w:") => Form::FixedList(number(3)?),
            _ if format.starts_with("+us:") => Form::SparseUnion,
            _ if format.starts_with("+ud:") => Form::DenseUnion,
            _ if format.starts_with("w:") => Form::Bits(number(2)?.checked_mul(8)?),
            _ if format.starts_with("d:") => {
                let numbers: Vec<i64> = format[2..]
                    .split(',')
                    .map(|n| n.parse().ok())
                    .collect::<Option<_>>()?;
                match numbers[..] {
                    [_, _] => Form::Bits(128),
                    [_, _, bits @ (32 | 64 | 128 | 256)] => Form::Bits(bits),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }
}
