"""What the release build promises about the program file itself."""
import re
import shutil
import subprocess

from harness import Lab, expect, main, skip


def readelf(*args):
    return subprocess.run(["readelf", *args], capture_output=True, text=True, check=True).stdout


def story(lab: Lab):
    """The release program is position-independent, fully RELRO, without executable stack, with canaries and fortified calls."""
    if not shutil.which("readelf"):
        return skip("there is no readelf (binutils)")
    program = lab.winnow
    symbols = subprocess.run(["nm", "-D", program], capture_output=True, text=True, check=True).stdout
    fortified = sorted(set(re.findall(r"__(\w+)_chk\b", symbols)) - {"stack"})
    # A debug build says so by itself: it is not optimised, so nothing in it can be fortified.
    if not fortified and "__stack_chk_fail" not in symbols:
        return skip("this is not a hardened build (cmake --preset release makes one)")

    header, segments, dynamic = readelf("-hW", program), readelf("-lW", program), readelf("-dW", program)
    expect(re.search(r"Type:\s+DYN", header), f"not position-independent:\n{header}")
    expect(re.search(r"FLAGS_1.*\bPIE\b", dynamic), f"not a PIE:\n{dynamic}")
    expect("GNU_RELRO" in segments, f"no RELRO segment:\n{segments}")
    expect("BIND_NOW" in dynamic or re.search(r"FLAGS_1.*\bNOW\b", dynamic), f"symbols are bound lazily:\n{dynamic}")
    stack = re.search(r"GNU_STACK.*", segments)
    expect(stack and "RWE" not in stack[0] and " E " not in stack[0], f"the stack is executable: {stack and stack[0]}")
    executable = [line for line in segments.splitlines() if re.search(r"LOAD.*\bRWE\b", line)]
    expect(not executable, f"writable and executable: {executable}")
    expect("TEXTREL" not in dynamic, "text relocations")
    expect("RPATH" not in dynamic and "RUNPATH" not in dynamic, f"the program searches libraries in a folder of its build:\n{dynamic}")
    expect("__stack_chk_fail" in symbols, "no stack protector")
    expect(len(fortified) >= 3, f"only {fortified} are fortified")
    print(f"fortified: {', '.join(fortified)}")


if __name__ == "__main__":
    main(story)
