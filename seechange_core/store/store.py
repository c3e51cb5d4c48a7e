"""Everything that a survey keeps, opened together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seechange_core.errors import StoreError
from seechange_core.profile import load_locations
from seechange_core.store.archive import LocalFolderArchive
from seechange_core.store.associations import Associations
from seechange_core.store.atomic import refused
from seechange_core.store.calibrated_images import CalibratedImages
from seechange_core.store.calibrations import Calibrations
from seechange_core.store.database import Database
from seechange_core.store.excerpts import Excerpts
from seechange_core.store.exposures import Exposures
from seechange_core.store.files import FileStore
from seechange_core.store.light_curves import LightCurves
from seechange_core.store.objects import Objects
from seechange_core.store.orbits import Orbits
from seechange_core.store.products import ProductStore
from seechange_core.store.provenances import Provenances
from seechange_core.store.references import References
from seechange_core.store.reports import Reports
from seechange_core.store.sensor_sections import SensorSections

_NO_DATA = """\
there are no data here: {database} does not exist
  name their folder with --set storage.root=FOLDER, SEECHANGE__STORAGE__ROOT in the environment, or storage.root in a
  profile (--profile FILE or SEECHANGE_CONFIG; 'seechange profile new' writes one); 'seechange process' makes data"""


class Store:
    """Everything that a survey keeps, by subject; a spawned worker can be given one.

    Parameters
    ----------
    database : Database
        Holds the rows.
    files : FileStore
        Holds the files.
    """

    def __init__(self, database: Database, files: FileStore) -> None:
        self.database = database
        self.files = files
        self.provenances = Provenances(database)
        self.products = ProductStore(database, files, self.provenances)
        self.exposures = Exposures(database, files)
        self.calibrated_images = CalibratedImages(database)
        self.calibrations = Calibrations(self.products)
        self.excerpts = Excerpts(database, files)
        self.references = References(self.products)
        self.associations = Associations(database)
        self.objects = Objects(database)
        self.light_curves = LightCurves(database)
        self.orbits = Orbits(files.root)
        self.reports = Reports(database)
        self.sensor_sections = SensorSections(database)

    @classmethod
    def open(
        cls,
        url: str,
        root: Path,
        *,
        archive: Path | None = None,
        password: str | None = None,
        must_exist: bool = False,
    ) -> Store:
        """Open a survey by its addresses.

        Parameters
        ----------
        url : str
            Of the database, see `Database`; empty for the SQLite database ``seechange.db`` in the data folder.
        root : Path
            The data folder.
        archive : Path, optional
            Folder of the archive.
        password : str, optional
            Of the database, if the address does not hold it.
        must_exist : bool
            Make nothing where there is no database yet.

        Raises
        ------
        StoreError
            If the address cannot be used, or the data folder cannot be made, or there is no database that must exist.
        """
        root = Path(root).expanduser().absolute()
        if must_exist:
            url = url or f"sqlite:///{root / 'seechange.db'}"
        elif not url:
            try:
                root.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise refused(root, error) from error
            url = f"sqlite:///{root / 'seechange.db'}"
        backing = None if archive is None else LocalFolderArchive(archive)
        database = Database(url, password)
        if must_exist and not database.exists():
            raise StoreError(_NO_DATA.format(database=database.url.database))
        return cls(database, FileStore(root, backing))

    @classmethod
    def of_profile(
        cls, file: Path | None = None, assignments: Sequence[str] = (), *, must_exist: bool = True
    ) -> Store:
        """Open the survey that a profile names, whatever its camera and chain.

        Parameters
        ----------
        file : Path, optional
            The profile; by default what ``SEECHANGE_CONFIG`` names, and the environment.
        assignments : sequence of str
            ``key.path=value``, such as ``storage.root=data``.
        must_exist : bool
            Make nothing where there are no data yet.

        Raises
        ------
        ProfileError
            If the profile's blocks ``database`` and ``storage`` cannot be used.
        StoreError
            If there are no data, but must be.
        """
        found = load_locations(file, assignments)
        return cls.open(
            found.database.url,
            found.storage.root,
            archive=found.storage.archive,
            password=found.database.secret(),
            must_exist=must_exist,
        )
