// SPDX-License-Identifier: Apache-2.0
//! The numbers that cross between Java and Rust are those of tests/pack/numbers.txt, which the Java half reads as well.

mod support;

use python4j_core::gil::Place;
use python4j_core::object::{self, operator};
use python4j_core::pack::Wanted;
use python4j_core::raised::Field;
use support::{Request, python};

/// Name, number and what else stands there, of one kind.
fn numbers(kind: &str) -> Vec<(String, usize, Vec<String>)> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/pack/numbers.txt");
    let text = std::fs::read_to_string(file).expect(file);
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
    let all: Vec<_> = lines
        .map(|line| {
            let mut words = line.split(' ').map(String::from);
            let name = words.next().expect("a name");
            let number = words.next().expect("a number").parse().expect("a number");
            (name, number, words.collect())
        })
        .collect();
    assert!(!all.is_empty(), "{kind}");
    all
}

#[test]
fn the_operators() {
    let known: Vec<_> = operator::ALL
        .iter()
        .map(|(name, number)| (name.to_string(), *number as usize))
        .collect();
    let told: Vec<_> = numbers("operator")
        .into_iter()
        .map(|(name, number, _)| (name, number))
        .collect();
    assert_eq!(told, known);
    python(|py| {
        for (name, number, operands) in numbers("operator") {
            for count in 0..5 {
                let nothing = Request::default().u32(count).raw(&vec![0; count]).0;
                let result = object::operate(
                    py,
                    number as i32,
                    &nothing,
                    object::Made {
                        frame: 0,
                        told: false,
                    },
                );
                let refused = format!("No operator {number} with {count} operands.");
                let unknown = result.is_err_and(|error| error.to_string() == refused);
                assert_eq!(unknown, count != operands.len(), "{name} with {count}");
            }
        }
    });
}

#[test]
fn the_wanted_types() {
    for (name, number, _) in numbers("wanted") {
        let wanted = Wanted::from_code(number as u8).unwrap();
        assert_eq!(format!("{wanted:?}").to_uppercase(), name);
    }
    assert!(Wanted::from_code(numbers("wanted").len() as u8).is_err());
}

#[test]
fn the_fields_of_a_report() {
    use Field::*;
    let fields = [
        Message, Class, Module, Text, Kind, Frames, Exception, Detail, Cause, Suppressed, Notes,
    ];
    let known = fields.map(|field| (format!("{field:?}").to_uppercase(), field as usize));
    let told: Vec<_> = numbers("report")
        .into_iter()
        .map(|(name, number, _)| (name, number))
        .collect();
    assert_eq!(told, known);
    assert_eq!(told.len(), Field::COUNT);
}

#[test]
fn the_places_of_a_thread() {
    use Place::*;
    let known = [Outside, Turn, Call, Held, Visiting, Lent]
        .map(|place| (format!("{place:?}").to_uppercase(), place as usize));
    let told: Vec<_> = numbers("place")
        .into_iter()
        .map(|(name, number, _)| (name, number))
        .collect();
    assert_eq!(told, known);
}
