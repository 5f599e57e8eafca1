//! An interface, by a memory-mapped AF_PACKET ring of the third kind (TPACKET_V3).
//!
//! ```text
//! ring:   block 0 | block 1 | ...                     shared with the kernel
//! block:  tpacket_block_desc | frame | frame | ...    ours while `block_status` has TP_STATUS_USER
//! frame:  tpacket3_hdr | ... | bytes at tp_mac        next at tp_next_offset
//! ```
//! A block is given back when its last frame has been taken. The kernel retires a block that is not full after
//! [`RETIRE_MS`], which bounds the delay. Frames the host itself sends are left out, as on a tap there are none and on the
//! loopback interface they would come twice. A VLAN tag that the kernel took off is put back.
//!
//! Source: Linux, Documentation/networking/packet_mmap.rst.

use std::ffi::c_int;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering, fence};

use crate::{CaptureError, Filter, Frame};

/// After how long a block that is not full comes to us, in milliseconds.
const RETIRE_MS: u32 = 10;
/// Longest wait for a frame before [`RingSource::next_frame`] says that there is none, in milliseconds.
const POLL_MS: c_int = 100;
/// Where the VLAN tag stands in an Ethernet frame.
const VLAN_OFFSET: usize = 12;
/// Ethernet type of a VLAN tag, where the kernel does not say it.
const VLAN_TYPE: u16 = 0x8100;

/// Settings of a ring.
#[derive(Debug, Clone, Copy)]
pub struct RingOptions {
    /// Size of a block, in bytes; a multiple of the page size and larger than the largest frame.
    pub block_bytes: u32,
    /// Number of blocks.
    pub blocks: u32,
    /// Group within which the kernel spreads flows over several rings; none for a single ring.
    pub fanout_group: Option<u16>,
}

impl Default for RingOptions {
    fn default() -> Self {
        Self {
            block_bytes: 1 << 20,
            blocks: 64,
            fanout_group: None,
        }
    }
}

/// What the kernel counted since the ring was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RingStatistics {
    /// Frames that reached the ring's filter, dropped ones too.
    pub received: u64,
    /// Frames dropped because no block was free.
    pub dropped: u64,
}

/// A ring on an interface.
pub struct RingSource {
    socket: OwnedFd,
    map: Map,
    options: RingOptions,
    /// Block that is or will be ours next.
    block: u32,
    /// Frames left in it and where the next one stands; `None` while it is the kernel's.
    cursor: Option<Cursor>,
    scratch: Vec<u8>,
    statistics: RingStatistics,
    name: String,
}

#[derive(Clone, Copy)]
struct Cursor {
    left: u32,
    offset: usize,
}

/// The mapped memory.
struct Map {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping belongs to this value alone; nothing in it depends on the thread.
unsafe impl Send for Map {}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: start and length are those mmap gave, and nothing borrows from the map any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// The index of an interface.
///
/// # Errors
/// When there is none of that name; the error lists those there are.
pub fn find_interface(name: &str) -> Result<u32, CaptureError> {
    let all = pnet::datalink::interfaces();
    if let Some(found) = all.iter().find(|interface| interface.name == name) {
        return Ok(found.index);
    }
    let available = all
        .iter()
        .map(|interface| interface.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    Err(CaptureError::NoInterface {
        name: name.to_owned(),
        available,
    })
}

impl RingSource {
    /// Makes a ring on `name` and puts the interface in promiscuous mode for as long as the ring lives.
    ///
    /// # Errors
    /// When there is no such interface, this user may not capture, or the kernel refuses the ring.
    pub fn open(name: &str, options: RingOptions) -> Result<Self, CaptureError> {
        let index = find_interface(name)?;
        let failed = |source: io::Error| match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => CaptureError::NotPermitted {
                name: name.to_owned(),
            },
            // It went away after its name was looked up.
            Some(libc::ENODEV | libc::ENXIO) => gone(name, source),
            _ => CaptureError::Io {
                path: PathBuf::from(name),
                source,
            },
        };
        let socket = packet_socket().map_err(failed)?;
        set_option(
            &socket,
            libc::PACKET_VERSION,
            &(libc::tpacket_versions::TPACKET_V3 as c_int),
        )
        .map_err(failed)?;
        // Kernels before 4.20 do not know it; there the host's own frames are seen too.
        let _ = set_option(&socket, libc::PACKET_IGNORE_OUTGOING, &1_i32);
        let request = libc::tpacket_req3 {
            tp_block_size: options.block_bytes,
            tp_block_nr: options.blocks,
            tp_frame_size: 2048,
            tp_frame_nr: options.block_bytes / 2048 * options.blocks,
            tp_retire_blk_tov: RETIRE_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set_option(&socket, libc::PACKET_RX_RING, &request).map_err(failed)?;
        let map =
            map_ring(&socket, options.block_bytes as usize * options.blocks as usize).map_err(failed)?;
        bind(&socket, index).map_err(failed)?;
        // An interface that is down can be bound to; the socket says so afterwards.
        let after = socket_error(&socket);
        if after.raw_os_error() == Some(libc::ENETDOWN) {
            return Err(gone(name, after));
        }
        let membership = libc::packet_mreq {
            mr_ifindex: index as c_int,
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        set_option(&socket, libc::PACKET_ADD_MEMBERSHIP, &membership).map_err(failed)?;
        if let Some(group) = options.fanout_group {
            let mode = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_DEFRAG;
            set_option(&socket, libc::PACKET_FANOUT, &(u32::from(group) | mode << 16)).map_err(failed)?;
        }
        Ok(Self {
            socket,
            map,
            options,
            block: 0,
            cursor: None,
            scratch: Vec::new(),
            statistics: RingStatistics::default(),
            name: name.to_owned(),
        })
    }

    /// Has the kernel put only wanted frames into the ring, from now on.
    ///
    /// # Errors
    /// When the kernel refuses the program.
    pub fn filter(&self, filter: &Filter) -> Result<(), CaptureError> {
        let mut program: Vec<libc::sock_filter> = filter
            .instructions()
            .iter()
            .map(|it| libc::sock_filter {
                code: it.code,
                jt: it.if_true,
                jf: it.if_false,
                k: it.operand,
            })
            .collect();
        let program = libc::sock_fprog {
            // A filter has no more than the kernel takes.
            len: program.len() as u16,
            filter: program.as_mut_ptr(),
        };
        set_option_of(&self.socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program).map_err(|source| {
            CaptureError::Io {
                path: PathBuf::from(&self.name),
                source,
            }
        })
    }

    /// The next frame; `None` when none came within a tenth of a second.
    ///
    /// # Errors
    /// [`CaptureError::InterfaceGone`], once, when the interface was taken away or went down. What had arrived before can still be taken
    /// by further calls until one gives `None`; after that the ring stays empty, and a new one is to be opened.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        let cursor = match self.cursor {
            Some(Cursor { left: 0, .. }) => {
                self.release_block();
                None
            }
            other => other,
        };
        let cursor = match cursor {
            Some(cursor) => cursor,
            None => match self.take_block()? {
                Some(cursor) => cursor,
                None => return Ok(None),
            },
        };
        if cursor.left == 0 {
            self.cursor = Some(cursor);
            return Ok(None);
        }
        Ok(Some(self.take_frame(cursor)))
    }

    /// What the kernel counted.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn statistics(&mut self) -> Result<RingStatistics, CaptureError> {
        let mut fresh = libc::tpacket_stats_v3 {
            tp_packets: 0,
            tp_drops: 0,
            tp_freeze_q_cnt: 0,
        };
        let mut length = size_of_val(&fresh) as libc::socklen_t;
        // SAFETY: the pointer and the length describe `fresh`, which the kernel fills.
        let outcome = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                ptr::from_mut(&mut fresh).cast(),
                &raw mut length,
            )
        };
        if outcome != 0 {
            return Err(CaptureError::Io {
                path: PathBuf::from(&self.name),
                source: io::Error::last_os_error(),
            });
        }
        // Reading them sets the kernel's counters back.
        self.statistics.received += u64::from(fresh.tp_packets);
        self.statistics.dropped += u64::from(fresh.tp_drops);
        Ok(self.statistics)
    }

    fn block_start(&self) -> *mut u8 {
        let offset = self.block as usize * self.options.block_bytes as usize;
        // SAFETY: `block` is below `blocks`, and the map is `blocks` times `block_bytes` long.
        unsafe { self.map.start.as_ptr().add(offset) }
    }

    fn block_status(&self) -> &AtomicU32 {
        let descriptor = self.block_start().cast::<libc::tpacket_block_desc>();
        // SAFETY: a block begins with its descriptor and is aligned to a page; the status is only ever read and written as an
        // atomic here, as the kernel changes it.
        unsafe { AtomicU32::from_ptr(&raw mut (*descriptor).hdr.bh1.block_status) }
    }

    /// Takes the next block over; waits for it once.
    fn take_block(&mut self) -> Result<Option<Cursor>, CaptureError> {
        if self.block_status().load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            self.poll()?;
            if self.block_status().load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
                return Ok(None);
            }
        }
        let descriptor = self.block_start().cast::<libc::tpacket_block_desc>();
        // SAFETY: the block is ours until its status is set back; its descriptor was written by the kernel.
        let header = unsafe { (*descriptor).hdr.bh1 };
        let cursor = Cursor {
            left: header.num_pkts,
            offset: header.offset_to_first_pkt as usize,
        };
        self.cursor = Some(cursor);
        Ok(Some(cursor))
    }

    fn release_block(&mut self) {
        fence(Ordering::Release);
        self.block_status()
            .store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.block = (self.block + 1) % self.options.blocks;
        self.cursor = None;
    }

    fn take_frame(&mut self, cursor: Cursor) -> Frame<'_> {
        let start = self.block_start();
        // SAFETY: the kernel put a frame header at this offset of a block that is ours.
        let header = unsafe {
            start
                .add(cursor.offset)
                .cast::<libc::tpacket3_hdr>()
                .read_unaligned()
        };
        let next = cursor.offset + header.tp_next_offset as usize;
        self.cursor = Some(Cursor {
            left: cursor.left - 1,
            offset: next,
        });
        let from = cursor.offset + usize::from(header.tp_mac);
        let room = (self.options.block_bytes as usize).saturating_sub(from);
        let length = (header.tp_snaplen as usize).min(room);
        // SAFETY: the frame's bytes lie within the block, which stays ours until the next call, and so does the borrow.
        let data: &[u8] = unsafe { std::slice::from_raw_parts(start.add(from), length) };
        let ts_us = i64::from(header.tp_sec) * 1_000_000 + i64::from(header.tp_nsec / 1000);
        let wire_bytes = header.tp_len;
        let tagged = header.tp_status & libc::TP_STATUS_VLAN_VALID != 0;
        let Some((addresses, rest)) = data.split_at_checked(VLAN_OFFSET).filter(|_| tagged) else {
            return Frame {
                ts_us,
                link: crate::LINK_ETHERNET,
                data,
                wire_bytes,
            };
        };
        let kind = if header.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0 {
            header.hv1.tp_vlan_tpid
        } else {
            VLAN_TYPE
        };
        self.scratch.clear();
        self.scratch.extend_from_slice(addresses);
        self.scratch.extend_from_slice(&kind.to_be_bytes());
        self.scratch
            .extend_from_slice(&(header.hv1.tp_vlan_tci as u16).to_be_bytes());
        self.scratch.extend_from_slice(rest);
        Frame {
            ts_us,
            link: crate::LINK_ETHERNET,
            data: &self.scratch,
            wire_bytes: wire_bytes + 4,
        }
    }

    fn poll(&self) -> Result<(), CaptureError> {
        let mut wait = libc::pollfd {
            fd: self.socket.as_raw_fd(),
            events: libc::POLLIN | libc::POLLERR,
            revents: 0,
        };
        // SAFETY: one descriptor, which lives as long as `self`.
        let outcome = unsafe { libc::poll(&raw mut wait, 1, POLL_MS) };
        if outcome < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted {
                Ok(())
            } else {
                Err(gone(&self.name, error))
            };
        }
        if wait.revents & (libc::POLLERR | libc::POLLNVAL) != 0 {
            return Err(gone(&self.name, socket_error(&self.socket)));
        }
        Ok(())
    }
}

fn gone(name: &str, source: io::Error) -> CaptureError {
    CaptureError::InterfaceGone {
        name: name.to_owned(),
        source,
    }
}

fn packet_socket() -> io::Result<OwnedFd> {
    // Protocol 0: nothing arrives before the ring is bound to its interface.
    // SAFETY: plain numbers; the result is checked.
    let descriptor = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn set_option<T>(socket: &OwnedFd, name: c_int, value: &T) -> io::Result<()> {
    set_option_of(socket, libc::SOL_PACKET, name, value)
}

fn set_option_of<T>(socket: &OwnedFd, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if outcome == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn map_ring(socket: &OwnedFd, bytes: usize) -> io::Result<Map> {
    // SAFETY: a new mapping at an address of the kernel's choice; the result is checked.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            socket.as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast())
        .map(|start| Map { start, bytes })
        .ok_or_else(io::Error::last_os_error)
}

fn bind(socket: &OwnedFd, index: u32) -> io::Result<()> {
    // SAFETY: all-zero is a valid address of this kind.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index as c_int;
    // SAFETY: the pointer and the length describe `address`.
    let outcome = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            ptr::from_ref(&address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    if outcome == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn socket_error(socket: &OwnedFd) -> io::Error {
    let mut code: c_int = 0;
    let mut length = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the pointer and the length describe `code`.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            ptr::from_mut(&mut code).cast(),
            &raw mut length,
        )
    };
    if outcome == 0 {
        io::Error::from_raw_os_error(code)
    } else {
        io::Error::last_os_error()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::time::{Duration, Instant};

    #[test]
    fn an_unknown_interface_is_named_with_those_there_are() {
        let error = find_interface("nosuch0").unwrap_err().to_string();
        assert!(error.contains("nosuch0") && error.contains("lo"), "{error}");
    }

    /// The loopback interface also carries what others send on it, perhaps so much that frames of ours are dropped: the test looks for its
    /// own, sends again until one is seen, and ends by the clock.
    #[test]
    fn frames_on_the_loopback_interface_arrive_once() {
        let mut ring = match RingSource::open(
            "lo",
            RingOptions {
                blocks: 4,
                ..RingOptions::default()
            },
        ) {
            Ok(ring) => ring,
            Err(CaptureError::NotPermitted { .. }) => {
                println!("skipped: capturing needs root");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let marker = format!("vonggac ring test {address}");
        let mut seen: Vec<u8> = Vec::new();
        let mut look_until = |deadline: Instant, seen: &mut Vec<u8>| {
            while Instant::now() < deadline {
                let frame = ring.next_frame().unwrap();
                let ours = frame.and_then(|frame| {
                    let (number, before) = frame.data.split_last()?;
                    before.ends_with(marker.as_bytes()).then_some(*number)
                });
                seen.extend(ours);
            }
        };
        for number in 0..100 {
            let mut payload = marker.clone().into_bytes();
            payload.push(number);
            socket.send_to(&payload, address).unwrap();
            look_until(Instant::now() + Duration::from_millis(100), &mut seen);
            if !seen.is_empty() {
                break;
            }
        }
        // A second copy would come with the first.
        look_until(Instant::now() + Duration::from_millis(300), &mut seen);
        assert!(!seen.is_empty(), "no frame of ours arrived");
        seen.sort_unstable();
        let all = seen.len();
        seen.dedup();
        assert_eq!(seen.len(), all, "a frame came twice");
        assert!(ring.statistics().unwrap().received >= 1);
    }
}
