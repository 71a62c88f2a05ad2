// SPDX-License-Identifier: Apache-2.0
//! The version of a CPython, as users write it, as an interpreter says it, and as the names of folders have it.

/// `3`, `3.12`, `3.12.1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub(crate) Vec<u32>);

impl Version {
    /// A text that is a version and nothing else.
    pub fn parse(text: &str) -> Option<Version> {
        let parts: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
        parts.filter(|parts| parts.len() <= 3).map(Version)
    }

    /// The version that a name begins with, with or without dots: `3.12.1-linux-x86_64-gnu`, `312-arm64`, `3.12.exe`.
    /// A free-threaded build has none, since it cannot be used.
    pub fn in_name(name: &str) -> Option<Version> {
        let name = name.strip_suffix(".exe").unwrap_or(name);
        let end = name.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (version, rest) = name.split_at(end.unwrap_or(name.len()));
        if rest.starts_with(['t', '+']) {
            return None;
        }
        match version.split_at_checked(1) {
            Some((major, minor)) if !minor.is_empty() && !minor.contains('.') => {
                Version::parse(&format!("{major}.{minor}"))
            }
            _ => Version::parse(version),
        }
    }

    /// Whether this version, which may be short, names a full one.
    pub fn covers(&self, version: &str) -> bool {
        Version::parse(version).is_some_and(|full| full.0.starts_with(&self.0))
    }

    /// Whether both can be of the same interpreter.
    pub fn fits(&self, other: &Version) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a == b)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<_> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_out_of_a_name() {
        for (name, version) in [
            ("3", "3"),
            ("312", "3.12"),
            ("39", "3.9"),
            ("3.12", "3.12"),
            ("3.12.exe", "3.12"),
            ("312-arm64", "3.12"),
            ("3.14-64", "3.14"),
            ("3.13.1-windows-x86_64-none", "3.13.1"),
            ("3.15.0b2-linux-x86_64-gnu", "3.15.0"),
        ] {
            assert_eq!(Version::in_name(name), Version::parse(version), "{name}");
        }
        for name in [
            "",
            "Current",
            "3.13t",
            "3.14.0+freethreaded-linux-x86_64-gnu",
            "3.1.2.3",
        ] {
            assert_eq!(Version::in_name(name), None, "{name}");
        }
    }

    #[test]
    fn versions_of_different_length_fit() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("3.12").fits(&version("3.12.1")) && version("3.12.1").fits(&version("3")));
        assert!(!version("3.1").fits(&version("3.12")));
    }
}
