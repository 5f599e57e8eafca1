//! A sensor that is started again when it was killed, as a service manager would, and processes that stand still.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use vonggac_e2e::signal;

/// Pause between two looks at the process.
const LOOK: Duration = Duration::from_millis(50);

/// A process that was told to stand still; goes on when dropped, unless it was killed since.
#[derive(Debug)]
pub struct Stopped(pub i32);

impl Drop for Stopped {
    fn drop(&mut self) {
        signal(self.0, libc::SIGCONT);
    }
}

/// The sensor.
#[derive(Debug)]
pub struct RestartedSensor {
    command: Command,
    child: Child,
    /// How often it was killed.
    pub kills: u32,
    done: bool,
}

impl RestartedSensor {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null());
        let child = command.spawn().context("sensor")?;
        Ok(Self {
            command,
            child,
            kills: 0,
            done: false,
        })
    }

    /// Whether it has done its work.
    ///
    /// # Errors
    /// When it ended by itself with another code than 0.
    pub fn is_done(&mut self) -> anyhow::Result<bool> {
        if !self.done
            && let Some(status) = self.child.try_wait()?
        {
            ensure!(status.success(), "the sensor ended with {status}");
            self.done = true;
        }
        Ok(self.done)
    }

    /// Kills it with SIGKILL and starts it again with the same arguments; does nothing once its work is done.
    ///
    /// # Errors
    /// When it cannot be killed or started.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if self.is_done()? {
            return Ok(());
        }
        self.child.kill()?;
        let status = self.child.wait()?;
        // It may just have come to its end by itself.
        if status.success() {
            self.done = true;
            return Ok(());
        }
        self.kills += 1;
        self.child = self.command.spawn().context("sensor")?;
        Ok(())
    }

    /// Sends it a signal; gives its process number, none when its work is done.
    ///
    /// # Errors
    /// When it ended by itself with another code than 0.
    pub fn signal(&mut self, number: i32) -> anyhow::Result<Option<i32>> {
        if self.is_done()? {
            return Ok(None);
        }
        let pid = i32::try_from(self.child.id())?;
        Ok(signal(pid, number).then_some(pid))
    }

    /// Waits until its work is done.
    ///
    /// # Errors
    /// When that takes longer than `limit`.
    pub fn finish(&mut self, limit: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.is_done()? {
            if begun.elapsed() > limit {
                bail!("the sensor is not done after {} s", limit.as_secs());
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for RestartedSensor {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
