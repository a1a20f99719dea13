//! The `ansatz` binary: everything is in the library.

fn main() -> std::process::ExitCode {
    ansatz::cli::main()
}
