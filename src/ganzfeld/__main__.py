from ganzfeld.cli import main

main()
