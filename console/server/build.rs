//! Makes `../web/dist` when the front end has not been built, so that the crate compiles without Node.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let dist = Path::new("../web/dist");
    println!("cargo:rerun-if-changed=../web/dist");
    std::fs::create_dir_all(dist)
}
