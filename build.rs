//! Compiles the protobuf files without protoc.

use std::{env, fs, path::PathBuf};

use prost::Message as _;

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    // The API: with services, and with comments in the descriptor set so that reflection tells them.
    let api = files("proto/anju/v1")?;
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(&api)?;
    // Not by way of prost_types, which would drop what it does not know.
    let raw = compiler.encode_file_descriptor_set();
    fs::write(out.join("anju.v1.bin"), &raw)?;
    tonic_prost_build::configure()
        .compile_fds(prost_types::FileDescriptorSet::decode(&raw[..])?)?;

    // The journal's own messages: no services, and byte fields that share their buffer.
    let facts = files("proto/anju/fact/v1")?;
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).open_files(&facts)?;
    let raw = compiler.encode_file_descriptor_set();
    fs::write(out.join("anju.fact.v1.bin"), &raw)?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(false)
        .compile_fds(prost_types::FileDescriptorSet::decode(&raw[..])?)?;
    Ok(())
}

/// The proto files of a directory below `proto`, in the order of their names.
fn files(directory: &str) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for file in fs::read_dir(directory)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path.strip_prefix("proto")?.to_owned());
        }
    }
    files.sort();
    Ok(files)
}
