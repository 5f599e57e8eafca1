//! The range: veth pairs, and making and playing captures on them.
//!
//! - [`generate`]: writes the sample of [`vonggac_traffic`] and its truth to files.
//! - [`play`]: sends a capture on an interface, in its own time or faster.
//! - [`veth`]: a pair of interfaces to play on and to tap, which nobody else talks on.
//!
//! It knows no scenarios beyond the sample and builds no network namespaces; it only enters those that exist.

pub mod generate;
pub mod play;
pub mod veth;

mod error;

pub use error::RangeError;

use clap::Subcommand;

/// The lab's commands.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Writes a capture of benign users and an intrusion, and the truth about it.
    Generate(generate::Arguments),
    /// Sends a capture on an interface.
    Play(play::Arguments),
    /// Joins two new interfaces by a wire, to play on one and tap the other.
    #[command(subcommand)]
    Wire(WireCommand),
}

/// Work on wires.
#[derive(Debug, Subcommand)]
pub enum WireCommand {
    /// Makes a wire that stays; one of the same name is replaced.
    Add {
        /// The end to send on.
        near: String,
        /// The end to tap.
        far: String,
    },
    /// Takes a wire away.
    Remove {
        /// The name of one end.
        near: String,
    },
}

/// Runs a command to its end.
///
/// # Errors
/// Whatever kept it from doing what was asked, with the file or interface it was about.
pub fn run(command: LabCommand) -> anyhow::Result<()> {
    match command {
        LabCommand::Generate(arguments) => generate::run(&arguments),
        LabCommand::Play(arguments) => play::run(&arguments),
        LabCommand::Wire(WireCommand::Add { near, far }) => {
            veth::Veth::create(veth::Options {
                near,
                far,
                ..veth::Options::default()
            })?
            .keep();
            Ok(())
        }
        LabCommand::Wire(WireCommand::Remove { near }) => Ok(veth::remove(&near)?),
    }
}
