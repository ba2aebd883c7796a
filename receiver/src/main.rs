//! The program. All of it is in the library, which is optimized for size.

fn main() -> std::process::ExitCode {
    streamsocket_receiver::command::run()
}
