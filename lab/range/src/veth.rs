//! A pair of interfaces joined by a wire: the player sends on one end, the sensor taps the other.
//!
//! The kernel is kept from talking on it (no IPv6, no ARP, no multicast), so that the tap sees what is played and nothing
//! else. It is made with `ip` (iproute2), which needs CAP_NET_ADMIN, and goes away with the guard.

use std::fs;
use std::process::Command;

use crate::RangeError;

/// CAP_NET_ADMIN's bit.
const NET_ADMIN: u64 = 1 << 12;

/// Longest name Linux gives an interface, in bytes.
const NAME_BYTES_MAX: usize = 15;

/// What to do about a pair of the same name that a killed run left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// Say so and stop.
    Refuse,
    /// Take it away, if it is a veth.
    Replace,
}

/// How a pair is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The end to send on.
    pub near: String,
    /// The end to tap.
    pub far: String,
    /// Network namespace it lives in, by the name `ip netns` knows; `None` for the current one.
    pub namespace: Option<String>,
    /// MTU of both ends, in bytes.
    pub mtu_bytes: u32,
    /// What to do about an older pair of that name.
    pub leftover: Leftover,
}

impl Default for Options {
    /// `vg-tapA` and `vg-tapB` in the current namespace, for jumbo frames.
    fn default() -> Self {
        Self {
            near: "vg-tapA".to_owned(),
            far: "vg-tapB".to_owned(),
            namespace: None,
            mtu_bytes: 9000,
            leftover: Leftover::Replace,
        }
    }
}

/// A pair that exists; dropping it takes it away.
#[derive(Debug)]
pub struct Veth {
    options: Options,
}

impl Veth {
    /// Makes a pair, quiet and up, its far end promiscuous.
    ///
    /// # Errors
    /// [`RangeError::InterfaceName`] and [`RangeError::InterfaceExists`] about the names, [`RangeError::Ip`] with the
    /// reason `ip` gave otherwise. Nothing stays behind then.
    pub fn create(options: Options) -> Result<Self, RangeError> {
        for name in [&options.near, &options.far] {
            check_name(name)?;
            clear(&options, name)?;
        }
        let namespace = options.namespace.as_deref();
        ip(
            namespace,
            &[
                "link",
                "add",
                &options.near,
                "type",
                "veth",
                "peer",
                "name",
                &options.far,
            ],
        )?;
        // From here on the guard takes the pair away whatever fails.
        let veth = Self { options };
        veth.quieten()?;
        Ok(veth)
    }

    fn quieten(&self) -> Result<(), RangeError> {
        let namespace = self.options.namespace.as_deref();
        let mtu = self.options.mtu_bytes.to_string();
        for name in [&self.options.near, &self.options.far] {
            ip(namespace, &["link", "set", "dev", name, "addrgenmode", "none"])?;
            ip(
                namespace,
                &[
                    "link",
                    "set",
                    "dev",
                    name,
                    "mtu",
                    &mtu,
                    "arp",
                    "off",
                    "multicast",
                    "off",
                ],
            )?;
            disable_ipv6(namespace, name);
        }
        ip(
            namespace,
            &["link", "set", "dev", &self.options.far, "promisc", "on", "up"],
        )?;
        ip(namespace, &["link", "set", "dev", &self.options.near, "up"])
    }

    /// Leaves the pair in place when this process ends; [`remove`] takes it away.
    pub fn keep(self) {
        std::mem::forget(self);
    }

    /// The end to send on.
    pub fn near(&self) -> &str {
        &self.options.near
    }

    /// The end to tap.
    pub fn far(&self) -> &str {
        &self.options.far
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        // Deleting one end deletes both.
        if let Err(error) = ip(
            self.options.namespace.as_deref(),
            &["link", "del", "dev", &self.options.near],
        ) {
            tracing::warn!(%error, interface = %self.options.near, "the veth pair stays behind");
        }
    }
}

/// Takes a pair away that was kept, by the name of one end; one that is gone already is no error.
///
/// # Errors
/// [`RangeError::InterfaceExists`] when the interface is not a veth, [`RangeError::Ip`] with `ip`'s reason.
pub fn remove(near: &str) -> Result<(), RangeError> {
    check_name(near)?;
    clear(
        &Options {
            near: near.to_owned(),
            ..Options::default()
        },
        near,
    )
}

/// Whether this process may make veth pairs here, tried with one that goes away at once.
///
/// # Errors
/// Why not, in words for a person.
pub fn can_create_veth() -> Result<(), String> {
    let status =
        fs::read_to_string("/proc/self/status").map_err(|error| format!("/proc/self/status: {error}"))?;
    if effective_capabilities(&status) & NET_ADMIN == 0 {
        return Err("neither root nor CAP_NET_ADMIN".to_owned());
    }
    let number = std::process::id();
    let options = Options {
        near: format!("vgp{number}a"),
        far: format!("vgp{number}b"),
        leftover: Leftover::Refuse,
        ..Options::default()
    };
    Veth::create(options).map(drop).map_err(|error| error.to_string())
}

fn effective_capabilities(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0)
}

fn check_name(name: &str) -> Result<(), RangeError> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fits && plain && !name.starts_with('-') && name != "." && name != ".." {
        return Ok(());
    }
    Err(RangeError::InterfaceName {
        name: name.to_owned(),
    })
}

/// Takes away what a killed run left, or says that the name is taken.
fn clear(options: &Options, name: &str) -> Result<(), RangeError> {
    let namespace = options.namespace.as_deref();
    if ip(namespace, &["link", "show", "dev", name]).is_err() {
        return Ok(());
    }
    let is_veth = ip_output(namespace, &["-d", "-o", "link", "show", "dev", name])?
        .split_ascii_whitespace()
        .any(|word| word == "veth");
    if options.leftover == Leftover::Refuse || !is_veth {
        return Err(RangeError::InterfaceExists {
            name: name.to_owned(),
        });
    }
    ip(namespace, &["link", "del", "dev", name])
}

/// IPv6 off altogether. Without addresses of its own (addrgenmode none) the interface is all but silent already, so it
/// is no failure where the kernel has no IPv6 or the setting cannot be reached.
fn disable_ipv6(namespace: Option<&str>, name: &str) {
    let done = match namespace {
        None => fs::write(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"), "1").is_ok(),
        Some(namespace) => Command::new("ip")
            .args(["netns", "exec", namespace, "sysctl", "-q", "-w"])
            .arg(format!("net/ipv6/conf/{name}/disable_ipv6=1"))
            .output()
            .is_ok_and(|output| output.status.success()),
    };
    if !done {
        tracing::debug!(interface = name, "IPv6 stays on");
    }
}

fn ip(namespace: Option<&str>, arguments: &[&str]) -> Result<(), RangeError> {
    ip_output(namespace, arguments).map(drop)
}

fn ip_output(namespace: Option<&str>, arguments: &[&str]) -> Result<String, RangeError> {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-n", namespace]);
    }
    let output = command.args(arguments).output().map_err(RangeError::NoIp)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(RangeError::Ip {
        command: arguments.join(" "),
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for name in ["vg-tapA", "a", "eth0.1", "abcdefghijklmno"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "-a", "a b", "a/b", "..", "abcdefghijklmnop", "đ"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn capabilities_are_read() {
        assert_eq!(
            effective_capabilities("Name:\tx\nCapEff:\t0000000000003000\n"),
            0x3000
        );
        assert_eq!(effective_capabilities("Name:\tx\n"), 0);
    }
}
